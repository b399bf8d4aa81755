#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A command that the kernel kills at the memory limit of a group around the build, as of a container, is reported as out
# of memory with that limit; one that is killed otherwise is not.
. "$(dirname "$0")/lib.sh"
needs root
images busybox:latest
if [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
  group=/sys/fs/cgroup/memory/shale-e2e.$$ limit=memory.limit_in_bytes
else
  needs cgroup2
  [ -n "$("$HERE/in-cgroup" bash -c 'echo ${E2E_GROUP-}')" ] || skip "systemd has all groups"
  group=${SHALE_TEST_CGROUP:-/sys/fs/cgroup}/shale-e2e.$$ limit=memory.max
fi
mkdir "$group" 2>/dev/null || skip "no cgroup with a memory limit can be made here"
echo 100m >"$group/$limit"
# With a process beside the builder's, so that the group cannot be divided.
limited() {
  local status=0
  (
    echo $BASHPID >"$group/cgroup.procs"
    sleep 60 &
    "$E2E_SHALE" build --progress=plain "$@" >"$OUT" 2>&1 || status=$?
    kill %1
    exit $status
  ) || status=$?
  return $status
}
printf 'FROM busybox\nRUN head -c 300m /dev/zero | tail -n 1 >/dev/null; exit $?\n' >Dockerfile
status=0
limited --no-cache . || status=$?
printf 'FROM busybox\nRUN kill -9 $$\n' >Dockerfile
cp "$OUT" "$T/first"
second=0
limited --no-cache . || second=$?
for _ in {1..50}; do rmdir "$group" 2>/dev/null && break; sleep 0.1; done
same $status 1
has 'out of memory: meanwhile the kernel killed a process at the memory limit of 100 MiB that this build is under' "$T/first"
has 'exit code: 137' "$T/first"
same $second 1
has 'the kernel counts nothing that it killed for lack of memory'
lacks 'out of memory'
