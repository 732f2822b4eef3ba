/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Own calendar arithmetic, because mktime knows the local zone only, timegm is no standard, and
 * strptime reads names in the language of the locale.
 */
#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MS_PER_DAY 86400000LL

static int64_t now_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t llmd__clock_mono_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t llmd__clock_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

int64_t llmd__clock_wall_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

struct moment {
    int year, month, day, hour, minute, second, ms;
    int offset_minutes;
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar, years counted from March. */
static int64_t days_from_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* Second 60 is a leap second; it counts as the next minute's first, as POSIX time has it. */
static bool to_ms(const struct moment *at, int64_t *wall_ms)
{
    if (at->month < 1 || at->month > 12 || at->day < 1 ||
        at->day > days_in_month(at->year, at->month))
        return false;
    if (at->hour > 23 || at->minute > 59 || at->second > 60)
        return false;
    int64_t minutes = at->hour * 60 + at->minute - at->offset_minutes;
    *wall_ms = days_from_date(at->year, at->month, at->day) * MS_PER_DAY +
               (minutes * 60 + at->second) * 1000 + at->ms;
    return true;
}

/* Reads exactly `digits` digits. */
static bool take_number(const char **text, int digits, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return false;
        *value = *value * 10 + (**text - '0');
    }
    return true;
}

static bool take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static bool take_time(const char **text, struct moment *at)
{
    return take_number(text, 2, &at->hour) && take_char(text, ':') &&
           take_number(text, 2, &at->minute) && take_char(text, ':') &&
           take_number(text, 2, &at->second);
}

static bool take_fraction(const char **text, int *ms)
{
    int scale = 100;

    if (!take_char(text, '.'))
        return true;
    if (!isdigit((unsigned char)**text))
        return false;
    for (; isdigit((unsigned char)**text); (*text)++, scale /= 10)
        *ms += (**text - '0') * scale;
    return true;
}

static bool take_offset(const char **text, int *minutes)
{
    int hour, minute;

    if (take_char(text, 'Z') || take_char(text, 'z'))
        return true;
    int sign = **text == '-' ? -1 : 1;
    if (!take_char(text, '+') && !take_char(text, '-'))
        return false;
    if (!take_number(text, 2, &hour) || !take_char(text, ':') || !take_number(text, 2, &minute))
        return false;
    *minutes = sign * (hour * 60 + minute);
    return hour <= 23 && minute <= 59;
}

bool llmd__clock_parse(const char *text, int64_t *wall_ms)
{
    struct moment at = {0};

    if (!text || !take_number(&text, 4, &at.year) || !take_char(&text, '-') ||
        !take_number(&text, 2, &at.month) || !take_char(&text, '-') ||
        !take_number(&text, 2, &at.day))
        return false;
    /* RFC 3339 5.6 allows a lower case t and, for reading, a space. */
    if (!take_char(&text, 'T') && !take_char(&text, 't') && !take_char(&text, ' '))
        return false;
    if (!take_time(&text, &at) || !take_fraction(&text, &at.ms) ||
        !take_offset(&text, &at.offset_minutes))
        return false;
    return *text == '\0' && to_ms(&at, wall_ms);
}

void llmd__clock_format(int64_t wall_ms, char out[32])
{
    int64_t ms = ((wall_ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm tm;
    char date[24];

    out[0] = '\0';
    if (!gmtime_r(&seconds, &tm) || strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return;
    snprintf(out, 32, "%s.%03dZ", date, (int)ms);
}

static bool take_month(const char **text, int *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++) {
        if (strncmp(*text, names + i * 3, 3) == 0) {
            *month = i + 1;
            *text += 3;
            return true;
        }
    }
    return false;
}

/* "06 Nov 1994 08:49:37 GMT", what every server sends since 1997. */
static bool take_fixdate(const char *text, struct moment *at)
{
    return take_number(&text, 2, &at->day) && take_char(&text, ' ') &&
           take_month(&text, &at->month) && take_char(&text, ' ') &&
           take_number(&text, 4, &at->year) && take_char(&text, ' ') && take_time(&text, at) &&
           strcmp(text, " GMT") == 0;
}

/* "06-Nov-94 08:49:37 GMT" (RFC 850). The two digits are 1970 to 2069: a fixed pivot keeps this
   pure, and nobody sends the form for a date far away. */
static bool take_rfc850(const char *text, struct moment *at)
{
    if (!take_number(&text, 2, &at->day) || !take_char(&text, '-') ||
        !take_month(&text, &at->month) || !take_char(&text, '-') ||
        !take_number(&text, 2, &at->year) || !take_char(&text, ' ') || !take_time(&text, at))
        return false;
    at->year += at->year < 70 ? 2000 : 1900;
    return strcmp(text, " GMT") == 0;
}

/* "Nov  6 08:49:37 1994" (asctime) */
static bool take_asctime(const char *text, struct moment *at)
{
    if (!take_month(&text, &at->month) || !take_char(&text, ' '))
        return false;
    int digits = take_char(&text, ' ') ? 1 : 2;
    return take_number(&text, digits, &at->day) && take_char(&text, ' ') && take_time(&text, at) &&
           take_char(&text, ' ') && take_number(&text, 4, &at->year) && *text == '\0';
}

bool llmd__clock_parse_http(const char *text, int64_t *wall_ms)
{
    struct moment fixdate = {0}, rfc850 = {0}, asctime_form = {0};
    const char *comma = text ? strstr(text, ", ") : NULL;

    if (!text)
        return false;
    if (comma && take_fixdate(comma + 2, &fixdate))
        return to_ms(&fixdate, wall_ms);
    if (comma && take_rfc850(comma + 2, &rfc850))
        return to_ms(&rfc850, wall_ms);
    /* "Sun " stands before the month. */
    if (strlen(text) > 4 && text[3] == ' ' && take_asctime(text + 4, &asctime_form))
        return to_ms(&asctime_form, wall_ms);
    return false;
}
