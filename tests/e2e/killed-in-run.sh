#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 in the middle of RUN leaves no process, and the next build simply works.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN echo before >/before\nRUN echo half >/half; sleep ${S:-86401}\nRUN cat /before /half\n' >Dockerfile
"$E2E_SHALE" build --progress=plain . >"$OUT" 2>&1 &
pid=$!
wait_for alive 86401
kill -9 $pid
wait $pid 2>/dev/null || true
wait_for gone 86401
nothing_left
sed -i 's/86401/0/' Dockerfile
build .
same "$(cached)" 1 # the step that was complete
ran before && ran half
shale images >/dev/null
