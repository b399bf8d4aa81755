#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY --from=IMAGE takes files of an image that no stage names, and runs nothing for it.
. "$(dirname "$0")/lib.sh"
hub nginx-alpine=nginx:latest busybox:latest
cat >Dockerfile <<'D'
FROM busybox
COPY --from=nginx:latest /etc/nginx/nginx.conf /nginx.conf
D
build -t conf .
rootfs conf
has 'worker_processes' "$T/rootfs/nginx.conf"
build -t conf .
same "$(cached)" 1
