#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What RUN removes is gone from the image, and what it makes again is the new thing.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox
RUN mkdir -p /d/sub && echo old >/d/f && echo old >/d/sub/g && echo old >/file-then-dir
RUN rm /d/f && rm -r /d/sub && mkdir /d/sub && echo new >/d/sub/h && rm /file-then-dir && mkdir /file-then-dir
RUN rm -r /d && mkdir /d && echo again >/d/f
D
build -t gone .
rootfs gone
same "$(cd "$T/rootfs" && find d file-then-dir | sort | tr '\n' ' ')" "d d/f file-then-dir "
same "$(cat "$T/rootfs/d/f")" again
