#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A full disk is an error that says so; nothing half-made is kept, and with room again the build works.
. "$(dirname "$0")/lib.sh"
needs root
images busybox:latest
printf 'FROM busybox\nRUN dd if=/dev/urandom of=/big bs=1048576 count=60\nRUN echo done-$(stat -c %%s /big)\n' >Dockerfile
unshare --mount --propagation private bash -euc '
  mkdir -p "$1/small"; mount -t tmpfs -o size=40M tmpfs "$1/small"
  "$E2E_SHALE" --root "$1/small/store" import "$E2E_CACHE/busybox-latest.tar" busybox >/dev/null
  status=0; "$E2E_SHALE" --root "$1/small/store" build --progress=plain . || status=$?
  [ $status != 0 ] || exit 90
  mount -o remount,size=300M "$1/small"
  "$E2E_SHALE" --root "$1/small/store" build --progress=plain .' full "$T" >"$OUT" 2>&1
grep -qiE 'no space|disk.*full' "$OUT" || die "the reason is not named"
ran done-62914560

# Space can be given back when there is none at all.
unshare --mount --propagation private bash -euc '
  mount -t tmpfs -o size=100M tmpfs "$1/small"
  export SHALE_ROOT=$1/small/store
  "$E2E_SHALE" import "$E2E_CACHE/busybox-latest.tar" busybox >/dev/null
  printf "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1048576 count=30\n" | "$E2E_SHALE" build --progress=plain -t a -f - .
  fill() { cat /dev/zero >"$1/small/fill" || true; } 2>/dev/null
  fill "$1"
  [ "$(df --output=avail "$1/small" | tail -1)" -eq 0 ]
  "$E2E_SHALE" rmi a
  "$E2E_SHALE" prune
  [ "$(df --output=avail "$1/small" | tail -1)" -gt 30000 ]
  fill "$1"
  "$E2E_SHALE" prune
  "$E2E_SHALE" rmi busybox' full "$T" >"$OUT" 2>&1
