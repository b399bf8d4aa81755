#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where there is no /proc, no /dev/null or no place for a store, one line says so, and another what to do about it.
. "$(dirname "$0")/lib.sh"
needs userns
echo 'FROM scratch' >Dockerfile
if [ "$(id -u)" = 0 ]; then options=(--mount); else options=(--user --map-root-user --mount); fi
export E2E_SHALE
# without MOUNTS COMMAND…: COMMAND where MOUNTS were made; two lines are all it says.
without() {
  local mounts=$1; shift
  fails + unshare "${options[@]}" --propagation private bash -euc "$mounts"'; shift; exec "$@"' x x "$@" >"$OUT" 2>&1
  same "$(wc -l <"$OUT")" 2
}
for command in doctor images 'build .'; do
  # shellcheck disable=SC2086 # words
  without 'mount -t tmpfs none /proc' "$E2E_SHALE" $command
  has 'error: no /proc is mounted here'
  has 'mount -t proc proc /proc'
  # shellcheck disable=SC2086
  without 'mount -t tmpfs none /dev' "$E2E_SHALE" $command
  has 'error: there is no /dev/null here'
  has 'mknod -m 666 /dev/null c 1 3'
  # shellcheck disable=SC2086
  without 'mount -t tmpfs -o ro none /tmp' env -u SHALE_ROOT -u XDG_DATA_HOME -u HOME "$E2E_SHALE" $command
  has "error: make '/tmp/shale-0', as no home directory can be written to: Read-only file system"
  has 'set SHALE_ROOT (or use --root)'
done
# Not even what is closed can be /dev/null then.
# shellcheck disable=SC2016 # expanded inside
without 'mount -t tmpfs none /dev' bash -c 'exec "$E2E_SHALE" images <&- >&-'
has 'error: there is no /dev/null here'
unshare "${options[@]}" bash -euc 'mount -t tmpfs none /proc; mount -t tmpfs none /dev; "$E2E_SHALE" version' >"$OUT"
has 'shale version'

# Something else by that name.
images busybox:latest
printf 'FROM busybox\nRUN true\n' >Dockerfile
if [ "$(id -u)" = 0 ]; then
  fails + unshare --mount --propagation private bash -euc 'touch "$1/null"; chmod 666 "$1/null"; mount --bind "$1/null" /dev/null
    "$E2E_SHALE" build --progress=plain .' x "$T" >"$OUT" 2>&1
  has "take the host's device '/dev/null' into the sandbox: No such device"
  has 'mknod -m 666 /dev/null c 1 3'
fi
