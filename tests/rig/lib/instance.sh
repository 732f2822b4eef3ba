# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One instance of the rig: where its files are, how its processes start, how
# they are ended. Sourced after cache.sh.

RIG=${LLMD_RIG:-rig}                    # the instance, and its network namespace
[[ $RIG =~ ^[a-z][a-z0-9-]{0,20}$ ]] || die "LLMD_RIG must be a short lower-case name"
RIG_RUN=/run/llmd-rig/$RIG              # keys, configurations, logs, pids
RIG_DISK=/var/lib/llmd-rig/$RIG         # what is too big for a /run in memory
RIG_SHM=/dev/shm/llmd-rig-$RIG          # etcd, which waits for no disk this way
RIG_NETNS=/var/run/netns/$RIG

export KUBECONFIG=$RIG_RUN/kubeconfig

need_root() { [ "$(id -u)" = 0 ] || die "root is needed (network namespaces, mounts)"; }

# Not `ip netns exec`: that mounts a fresh /sys, which has no cgroups.
in_rig() { nsenter --net="$RIG_NETNS" -- "$@"; }

kube() { in_rig "$(rig_bin kubernetes kubectl)" "$@"; }

# A pid alone may belong to someone else by now; the start time tells.
birth_of() { # pid
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra stat <<<"${stat##*) }"
    echo "${stat[19]}"
}

record_pid() { # name, pid
    mkdir -p "$RIG_RUN/pids"
    echo "$2 $(birth_of "$2")" >"$RIG_RUN/pids/$1"
}

# A zombie holds nothing any more, and who reaps it is not our affair. But while
# other threads of it live, it holds all it had: a killed API server's first thread
# is a zombie up to a tenth of a second before the last one closes the port.
is_dead() { # pid
    local status
    { status=$(<"/proc/$1/status"); } 2>/dev/null || return 0
    [[ $status =~ State:[[:space:]]*[ZX] && $status =~ Threads:[[:space:]]*[01]$'\n' ]]
}

pid_of() { # name: the pid if that very process is alive
    local pid birth
    read -r pid birth 2>/dev/null <"$RIG_RUN/pids/$1" || return 1
    [ -n "$birth" ] && [ "$(birth_of "$pid")" = "$birth" ] && ! is_dead "$pid" && echo "$pid"
}

# setsid: a terminal's Ctrl-C must not reach the daemons. As a background child
# of a script is no group leader, setsid and nsenter keep the pid.
start_daemon() { # name, command…
    local name=$1
    shift
    pid_of "$name" >/dev/null && return
    mkdir -p "$RIG_RUN/logs"
    setsid nsenter --net="$RIG_NETNS" -- "$@" >>"$RIG_RUN/logs/$name.log" 2>&1 </dev/null 8>&- 9>&- &
    record_pid "$name" $!
}

wait_gone() { # name, seconds
    local patience=$(($2 * 20))
    while pid_of "$1" >/dev/null; do
        ((patience-- > 0)) || return 1
        sleep 0.05
    done
}

kill_daemon() { # name
    local pid
    ! pid=$(pid_of "$1") || kill -9 "$pid" 2>/dev/null || true
    # Its ports are free only when it is gone.
    wait_gone "$1" 20 || die "$1 (pid $pid) does not die"
    rm -f "$RIG_RUN/pids/$1"
}

stop_daemon() { # name, seconds before it is killed
    local pid
    ! pid=$(pid_of "$1") || kill "$pid" 2>/dev/null || true
    wait_gone "$1" "$2" || true
    kill_daemon "$1"
}

# Fails, with its last words, for a daemon that ended without being told to.
all_daemons_live() {
    local file name
    for file in "$RIG_RUN"/pids/*; do
        name=${file##*/}
        [ ! -e "$file" ] || pid_of "$name" >/dev/null || {
            printf '%s ended by itself; the last lines of %s:\n' "$name" "$RIG_RUN/logs/$name.log"
            tail -n 5 "$RIG_RUN/logs/$name.log" | cut -c1-400
            return 1
        }
    done
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

seconds_since() { # milliseconds
    local passed=$(($(now_ms) - $1))
    printf '%d.%d' $((passed / 1000)) $((passed % 1000 / 100))
}

wait_until() { # seconds, what, command…
    local end=$((SECONDS + $1)) what=$2 dead
    shift 2
    until "$@" >/dev/null 2>&1; do
        dead=$(all_daemons_live) || die "$what: $dead"
        ((SECONDS < end)) || die "$what: not within its time; logs are in $RIG_RUN/logs"
        sleep 0.1
    done
}

# A step runs once per instance, so that up.sh can go on from a lower stage or
# after a failure.
run_step() { # name, function
    local name=$1 started
    [ -e "$RIG_RUN/done/$name" ] && return
    started=$(now_ms)
    # A subshell under `set -e` that is no condition: the first error ends it.
    ("$2")
    mkdir -p "$RIG_RUN/done"
    touch "$RIG_RUN/done/$name"
    say "$(printf '%6s s  %s' "$(seconds_since "$started")" "$name")"
}

# Waits for steps of another chain, unless one has failed.
after() { # step…
    local step
    for step in "$@"; do
        until [ -e "$RIG_RUN/done/$step" ]; do
            [ ! -e "$RIG_RUN/failed" ] || exit 1
            sleep 0.1
        done
    done
}

# Independent steps side by side: the first failure is reported after all ended.
run_steps_together() { # function…
    local function pids=() failed=
    rm -f "$RIG_RUN/failed"
    for function in "$@"; do
        (
            trap '[ $? = 0 ] || touch "$RIG_RUN/failed"' EXIT
            "$function"
        ) &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || failed=yes; done
    [ -z "$failed" ] || exit 1
}
