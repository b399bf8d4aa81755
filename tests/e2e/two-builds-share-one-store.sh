#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds at the same time on one store all succeed, and share what they make.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nARG N\nRUN echo shared; sleep 0.5; echo x >/x\nRUN echo $N >/n\n' >Dockerfile
pids=()
for n in 1 2 3 4; do shale build -q --build-arg N=$n -t "many:$n" . >"$T/$n.log" 2>&1 & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid" || die "$(cat "$T"/?.log)"; done
for n in 1 2 3 4; do rootfs "many:$n"; same "$(cat "$T/rootfs/n")" $n; done
nothing_left
