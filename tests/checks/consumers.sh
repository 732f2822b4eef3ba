#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs to a temporary prefix and builds and runs a small program outside the tree in every way
# that people link a C library: pkg-config shared and static, find_package shared and static.
#
#   tests/checks/consumers.sh [BUILD_DIR]     default: build/release
set -euo pipefail
cd "$(dirname "$0")/../.."
build="${1:-build/release}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
cmake --install "$build" --prefix "$work/prefix" >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name libllmd.so)")
export PKG_CONFIG_PATH="$libdir/pkgconfig"

mkdir "$work/app"
cat >"$work/app/app.c" <<'C'
#include <llmd/llmd.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_CHAT);
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_error) error = llmd_kube_open("/no/such/kubeconfig", NULL, &kube);
    llmd_request_add_message(request, "user", "hi");
    return strcmp(llmd_version(), LLMD_VERSION) || llmd_error_code(error) != LLMD_E_NOT_FOUND;
}
C
cat >"$work/app/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(app LANGUAGES C)
find_package(llmd 0.1 REQUIRED)
add_executable(shared app.c)
target_link_libraries(shared PRIVATE llmd::llmd)
add_executable(static app.c)
target_link_libraries(static PRIVATE llmd::llmd_static)
CMAKE

# says NAME COMMAND...: runs a command and prints the outcome as a test.
says() {
    local name="$1"
    shift
    if "$@" >"$work/log" 2>&1; then
        echo "ok consumer $name"
    else
        echo "not ok consumer $name"
        sed 's/^/    /' "$work/log"
        failed=1
    fi
}

# Sanitized libraries want a program that is sanitized alike.
cc="${CC:-cc} -Wall -Wextra -Werror"
compile() {
    # shellcheck disable=SC2046,SC2086
    $cc -o "$work/app/$1" "$work/app/app.c" $(pkg-config --cflags --libs "$2")
}
by_pkg_config() {
    compile pc-shared llmd && LD_LIBRARY_PATH="$libdir" "$work/app/pc-shared"
}
by_pkg_config_static() {
    compile pc-static llmd-static && "$work/app/pc-static" &&
        ! ldd "$work/app/pc-static" | grep -q libllmd
}
# What "pkg-config --static" names beyond our own archive depends on the machine's libcurl; here we
# hold that it names the four libraries.
static_names() {
    local libs name
    libs=$(pkg-config --static --libs llmd) || return 1
    for name in -lllmd -lcurl -lcjson -lyaml -lcrypto -lm; do
        [[ " $libs " == *" $name "* ]] || { echo "$name is missing in: $libs"; return 1; }
    done
}
by_find_package() {
    cmake -S "$work/app" -B "$work/app/build" -DCMAKE_PREFIX_PATH="$work/prefix" &&
        cmake --build "$work/app/build" && "$work/app/build/shared" && "$work/app/build/static" &&
        ! ldd "$work/app/build/static" | grep -q libllmd
}
refuses_other_minor() {
    sed -i 's/llmd 0.1/llmd 0.2/' "$work/app/CMakeLists.txt"
    ! cmake -S "$work/app" -B "$work/app/other" -DCMAKE_PREFIX_PATH="$work/prefix"
}
soname() {
    objdump -p "$libdir/libllmd.so" | grep -q 'SONAME *libllmd.so.0$'
}

says "pkg-config shared" by_pkg_config
says "pkg-config llmd-static" by_pkg_config_static
says "pkg-config --static" static_names
says "find_package shared and static" by_find_package
says "find_package of another minor version is refused" refuses_other_minor
says "SONAME" soname
exit $failed
