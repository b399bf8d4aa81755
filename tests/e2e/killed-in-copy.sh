#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 in the middle of COPY leaves a store in which the next build works and copies everything.
. "$(dirname "$0")/lib.sh"
images busybox:latest
head -c 700M /dev/zero >big
printf 'FROM busybox\nCOPY big /big\nRUN stat -c "%%s bytes" /big\n' >Dockerfile
for delay in 0.05 0.2 0.5; do
  "$E2E_SHALE" build --progress=plain . >"$OUT" 2>&1 & pid=$!
  sleep $delay
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  wait_for nothing_runs
done
build .
ran '734003200 bytes'
nothing_left
