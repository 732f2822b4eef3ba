#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts tests in a stage's output: tally.py RESULTS STAGE EXIT_CODE < output.

Understands the closing lines of cmocka, pytest and go test -json, and lines of our own scripts,
"ok NAME", "not ok NAME" and "skip NAME: why". Appends one line to RESULTS. A stage that failed
without a failed test counts as one failure, and a stage that ran nothing is a failure too: silence
is never success.
"""
import json
import re
import sys


def tally(lines):
    passed = failed = 0
    skipped = []
    for line in lines:
        line = re.sub(r"^\s*\d+: ", "", line.rstrip("\n"))  # ctest -V prefixes its output
        if match := re.match(r"\[  PASSED  \] (\d+) test\(s\)", line):
            passed += int(match[1])
        elif match := re.match(r"\[  FAILED  \] (\d+) test\(s\)", line):
            failed += int(match[1])
        elif match := re.match(r"\[  SKIPPED \] (\S+)$", line):
            skipped.append(match[1])
        elif re.match(r"=+ .* in [\d.]+s.* =+$", line) or re.match(r"\d+ passed.* in [\d.]+s", line):
            for count, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", line):
                if word == "passed":
                    passed += int(count)
                elif word == "skipped":
                    skipped += ["pytest"] * int(count)
                else:
                    failed += int(count)
        elif line.startswith('{"Time"'):
            event = json.loads(line)
            if event.get("Test"):
                passed += event["Action"] == "pass"
                failed += event["Action"] == "fail"
                skipped += [event["Test"]] if event["Action"] == "skip" else []
        elif line.startswith("ok ") and "\t" not in line:
            passed += 1
        elif line.startswith("not ok "):
            failed += 1
        elif match := re.match(r"skip (.+)", line):
            skipped.append(match[1])
    return passed, failed, list(dict.fromkeys(skipped))  # cmocka names each twice


def main():
    results, stage, code = sys.argv[1], sys.argv[2], int(sys.argv[3])
    passed, failed, skipped = tally(sys.stdin)
    if code != 0 and failed == 0 or passed + failed + len(skipped) == 0:
        failed += 1
    with open(results, "a", encoding="utf-8") as out:
        out.write(f"{passed}\t{failed}\t{len(skipped)}\t{stage}\n")
    for name in skipped:
        print(f"    skipped: {name}")


if __name__ == "__main__":
    main()
