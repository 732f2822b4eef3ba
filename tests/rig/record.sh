#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Records the watch events of a namespace of the instance LLMD_RIG:
#
#   record.sh NAMESPACE OUT.jsonl [--apply FILE] [--seconds N]
#
# Without --seconds it ends by Ctrl-C or SIGTERM. See record.py for the format.
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/run.sh" python3 "$here/record.py" "$@"
