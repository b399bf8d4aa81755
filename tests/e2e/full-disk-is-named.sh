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

# Also where the store takes space before anything can be removed: SQLite's shared memory is not there, the machine was
# started since the last build, and what isolation works is to be found out again.
command -v mkfs.ext4 >/dev/null || skip "mkfs.ext4 is not installed"
unshare --mount --propagation private bash -euc '
  truncate -s 60M "$1/disk"; mkfs.ext4 -q -m 0 "$1/disk"; mount -o loop "$1/disk" "$1/small"
  export SHALE_ROOT=$1/small/store
  # What was removed is free when the journal has been written.
  fill() {
    for _ in 1 2 3 4 5; do
      for size in 1M 4k 1k; do dd if=/dev/zero bs=$size of="$1/small/fill" oflag=append conv=notrunc,fsync || true; done 2>/dev/null
      [ "$(df --output=avail "$1/small" | tail -1)" -ne 0 ] || return 0
      sync -f "$1/small"
    done
    df "$1/small"; return 1
  }
  "$E2E_SHALE" import "$E2E_CACHE/busybox-latest.tar" busybox >/dev/null
  printf "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1048576 count=20\n" | "$E2E_SHALE" build --progress=plain -t a -f - .
  "$E2E_SHALE" tag a b
  rm "$SHALE_ROOT"/db.sqlite-shm
  fill "$1"
  "$E2E_SHALE" images
  echo ffffffff-0000-4000-8000-000000000000 >"$1/boot"; mount --bind "$1/boot" /proc/sys/kernel/random/boot_id
  rm "$SHALE_ROOT"/db.sqlite-shm
  fill "$1"
  ! "$E2E_SHALE" build --no-cache --progress=plain .
  "$E2E_SHALE" rmi b
  "$E2E_SHALE" rmi a
  "$E2E_SHALE" prune
  [ "$(df --output=avail "$1/small" | tail -1)" -gt 19000 ]
  rm "$1/small/fill"
  "$E2E_SHALE" build --progress=plain -f - . <<D
FROM busybox
RUN echo works again
D
  umount "$1/small"' full "$T" >"$OUT" 2>&1
ran 'works again'
