#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Limits that need a cgroup which is not delegated are not applied: one warning says why and what to do, and the build
# goes on. Values that make no sense are errors all the same.
. "$(dirname "$0")/lib.sh"
images busybox:latest
own=$(sed -n 's/^0:://p' /proc/self/cgroup)
if [ "$own" = / ] && [ "$(id -u)" = 0 ] && [ -e /sys/fs/cgroup/cgroup.controllers ] && [ ! -e /sys/fs/cgroup/cgroup.type ]; then
  skip "this is the root of all cgroups, where root may do as it likes"
fi
printf 'FROM busybox AS a\nRUN echo one\nFROM a\nRUN echo two\n' >Dockerfile
build -m 64m --cpu-shares 512 .
ran one && ran two
same "$(grep -c 'not applied' "$OUT")" 1
grep -qE -- '--memory, --cpu-shares (is|are) not applied: .+ \(.+\)' "$OUT" || die "the warning has no cause or no remedy"
build --no-cache .
lacks 'not applied'
build -m 64m .
lacks 'not applied' # nothing ran
fails 2 build -m 1k .
has '--memory 1024 is less than 6 MiB'
fails 2 build --memory-swap 64m --cpuset-cpus a .
has '--memory-swap needs --memory'
has "--cpuset-cpus 'a' is not a list of processors"
fails 2 build --pids-limit many .
