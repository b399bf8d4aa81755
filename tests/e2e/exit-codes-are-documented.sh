#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exit codes: 0 done, 1 a step failed, 2 usage or Dockerfile, 4 registry.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN exit 7\n' >fails; printf 'FROM busybox\nRUN true\n' >works; printf 'FRM x\n' >wrong
printf 'FROM 127.0.0.1:9/x\n' >far
fails 0 build -f works .
fails 1 build -f fails .
fails 2 build -f wrong .
fails 4 build -f far .
fails 2 build --no-such-option .
has no-such-option
fails 2 shale biuld . >"$OUT" 2>&1
has "build"
fails 0 shale --version >"$OUT"
fails 0 shale help >"$OUT"
