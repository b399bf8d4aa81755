#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A rung that cannot do something says so, quickly, and does not do less; what needs no command needs no namespace.
. "$(dirname "$0")/lib.sh"
export SHALE_ISOLATION=none
images busybox:latest
echo hello >file
printf 'FROM busybox\nRUN echo never\n' >Dockerfile
SECONDS=0
fails + build --isolation=none .
[ $SECONDS -lt 5 ] || die "took $SECONDS seconds"
has 'RUN needs more than isolation none'
lacks '> never'
printf 'FROM busybox AS a\nFROM scratch\nCOPY --chown=7:8 file /d/f\nCOPY --from=a /etc/passwd /p\nWORKDIR /w\nENV A=b\n' >Dockerfile
build --isolation=none -o "type=tar,dest=$T/none.tar" .
tar --numeric-owner -tvf "$T/none.tar" >"$T/names"
grep -qE '7/8 .* d/f' "$T/names" || die "the owner is lost"
fails + build --isolation=nonsense .
has "unknown isolation 'nonsense'"
SHALE_ISOLATION=nonsense
fails + build .
has "unknown isolation 'nonsense'"
unset SHALE_ISOLATION
if [ "$(id -u)" = 0 ]; then
  printf 'FROM busybox\nRUN --network=none true\n' >Dockerfile
  fails + build --isolation=chroot .
  has '--network=none cannot be had with isolation chroot'
  printf 'FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m true\n' >Dockerfile
  fails + build --isolation=chroot .
  has "the size of the tmpfs on '/t' cannot be limited"
  printf 'FROM busybox\nRUN --mount=type=secret,id=s ln /run/secrets/s /kept\n' >Dockerfile
  fails + build --isolation=chroot --secret id=s,src=file .
  has "take '/run/secrets/s' out of the sandbox again"
else
  for level in mountns chroot; do
    fails + build --isolation="$level" .
    has "isolation $level needs root"
  done
fi
nothing_left
