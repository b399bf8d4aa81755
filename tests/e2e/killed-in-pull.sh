#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 in the middle of a pull leaves a store in which the next pull works.
# timeout: 400
. "$(dirname "$0")/lib.sh"
hub golang-1.19=golang:1.19
for delay in 0.1 0.5 1.5; do
  "$E2E_SHALE" pull golang:1.19 >"$OUT" 2>&1 & pid=$!
  sleep $delay
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  wait_for nothing_runs
done
shale pull golang:1.19 >"$OUT" 2>&1
printf 'FROM golang:1.19\nRUN go version\n' | build -f - .
ran 'go version'
