#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes what is generated and committed: threads.i, and the raw Go package by SWIG 4.1.0. Python's
# raw module is made when it is built.
#
#   bindings/regenerate.sh [FOLDER]     into FOLDER instead of the repository (for the check)
set -euo pipefail
cd "$(dirname "$0")"
into="${1:-.}"
mkdir -p "$into/go/internal/raw"

version=$(swig -version | sed -n 's/^SWIG Version //p')
if [ "$version" != 4.1.0 ]; then
    echo "regenerate.sh: the committed files are made by SWIG 4.1.0, this is $version" >&2
    exit 1
fi

python3 threads.py >"$into/threads.i"
swig -Wall -Werror -go -cgo -intgosize 64 -I../include \
    -outdir "$into/go/internal/raw" -o "$into/go/internal/raw/raw_wrap.c" go/internal/raw/llmd.i
# SWIG pads its output with spaces that git would complain about.
sed -i "s/[ \t]*\$//" "$into/go/internal/raw/raw.go" "$into/go/internal/raw/raw_wrap.c"
