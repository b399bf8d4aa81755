#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ctrl-C ends a build within a second, with status 130, and leaves no process, mount or lock.
# alone
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox AS a\nRUN trap "" INT TERM; sleep 86381\nFROM busybox\nRUN sleep 86382\nCOPY --from=a / /a\n' >Dockerfile
setsid --wait bash -c 'trap - INT; echo $$ >pid; exec "$E2E_SHALE" build --jobs 2 --progress=plain .' >"$OUT" 2>&1 &
wait_for alive 86381
wait_for alive 86382
start=${EPOCHREALTIME/./}
kill -INT -- "-$(cat pid)"
status=0; wait $! || status=$?
elapsed=$((${EPOCHREALTIME/./} - start))
same $status 130
[ $elapsed -lt 1000000 ] || die "took $elapsed microseconds to end"
gone 86381 && gone 86382 || die "a process is left"
nothing_left
printf 'FROM busybox\nRUN echo works\n' | build -f - .
ran works
