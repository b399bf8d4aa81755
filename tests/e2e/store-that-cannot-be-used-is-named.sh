#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A store that cannot be made, opened or written to is named in the error, with the ways to name another.
. "$(dirname "$0")/lib.sh"
echo 'FROM scratch' >Dockerfile
touch "$T/file"
refused() { # PATH COMMAND…
  local path=$1; shift
  fails + shale --root "$path" "$@" >"$OUT" 2>&1
  has "$path"
  has '--root or SHALE_ROOT'
}
for command in images 'build .'; do
  # shellcheck disable=SC2086 # words
  refused "$T/file" $command
  # shellcheck disable=SC2086
  refused "$T/file/below" $command
done
# A new directory of one's own is none of them, whatever its mode, and after shale doctor has looked at it, too.
mkdir -m 755 "$T/new" "$T/looked-at"
SHALE_ROOT=$T/looked-at shale doctor >/dev/null
for place in new looked-at; do
  shale --root "$T/$place" build -t empty . >"$OUT" 2>&1 || die "$place: no build"
  same "$(stat -c %a "$T/$place")" 700
done
if [ "$(id -u)" = 0 ]; then
  mkdir -m 700 "$T/theirs"; chown 12345 "$T/theirs"
  refused "$T/theirs" images
  # What is on a file system that only reads.
  shale images >/dev/null
  unshare --mount --propagation private bash -euc '
    mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"
    ! "$E2E_SHALE" --root "$1" images' ro "$SHALE_ROOT" >"$OUT" 2>&1
  has 'Read-only file system'
  has "opening the store '$SHALE_ROOT'"
else
  refused /root/store images
  mkdir -m 500 "$T/closed"
  refused "$T/closed/store" images
fi
