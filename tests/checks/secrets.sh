#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No secret of any test double is in what a test run printed, logged or recorded.
#
#   tests/checks/secrets.sh FOLDER     # the run's logs and records
set -euo pipefail
folder="${1:?folder of logs}"

# By what each begins with: tokens, a client's secret, refresh and subject tokens, keys.
secrets='ya29\.(sandbox-[0-9]|double-token)|sandbox-(client-secret|refresh-token)'
secrets+='|0refresh-secret|outside-token|GOCSPX-client-secret|subject-secret-|wJalrXUtnFEMI'
secrets+='|BEGIN (RSA |EC )?PRIVATE KEY'

found="$(mktemp)"
trap 'rm -f "$found"' EXIT
code=0
grep -rnaE "$secrets" "$folder" >"$found" || code=$?
if [ -z "$(find "$folder" -name '*.log' -size +0)" ]; then
    echo "not ok secrets: $folder has no log to look at"
elif [ "$code" -eq 0 ]; then
    head -n 20 "$found" | cut -c 1-200
    echo "not ok secrets: $(wc -l <"$found") lines in $folder"
elif [ "$code" -ne 1 ]; then # 1: nothing was found
    echo "not ok secrets: grep could not read $folder"
else
    echo "ok secrets: none in $(du -sk "$folder" | cut -f 1) kB of logs and records"
    exit 0
fi
exit 1
