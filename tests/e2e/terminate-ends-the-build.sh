#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SIGTERM to the program alone ends the build and its processes, too.
# alone
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN sleep 86391\n' >Dockerfile
"$E2E_SHALE" build --progress=plain . >"$OUT" 2>&1 &
wait_for alive 86391
kill -TERM $!
status=0; wait $! || status=$?
[ $status != 0 ] || die "ended with 0"
wait_for gone 86391
nothing_left
