#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A setuid program in RUN runs as its owner, as `passwd` and `sudo` need.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox
RUN cp /bin/busybox /bin/who-am-i && chmod 4755 /bin/who-am-i && ln /bin/who-am-i /bin/cat-as-root 2>/dev/null; \
    echo secret >/root/file && chmod 600 /root/file && chmod 711 /root
USER nobody
RUN ! cat /root/file 2>/dev/null && id -u
D
build .
ran 65534
