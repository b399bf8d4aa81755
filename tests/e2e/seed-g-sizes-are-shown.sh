#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A multi-stage build prints each stage's size and what is left behind; the one-stage file of the same app is as much bigger.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
hub golang-1.19=golang:1.19 alpine:latest
cp -r "$DATA/seed-b/." .
build -t multi -f Dockerfile.named .
cp "$OUT" "$T/multi.txt"
grep -qi 'left behind' "$T/multi.txt" || die "'left behind' is not printed"
grep -qE 'builder .*[0-9.]+ ?[kMG]i?B' "$T/multi.txt" || die "the builder's size is not printed"
build -t single -f Dockerfile.single .
for name in multi single; do
  rootfs $name
  du -s --apparent-size -k "$T/rootfs" | cut -f1 >"$T/$name.size"
done
[ "$(cat "$T/single.size")" -gt $((5 * $(cat "$T/multi.size"))) ] || die "single $(cat "$T/single.size") KiB, multi $(cat "$T/multi.size") KiB"
