#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY over an existing tree replaces files, keeps the others, and follows directory links of the destination.
. "$(dirname "$0")/lib.sh"
images busybox:latest
mkdir -p new/lib; echo new >new/lib/replaced; echo new >new/lib/added
cat >Dockerfile <<'D'
FROM busybox
RUN mkdir -p /usr/lib64 && ln -s usr/lib64 /l && echo old >/usr/lib64/replaced && echo old >/usr/lib64/kept
COPY new/lib /l
RUN cat /usr/lib64/replaced /usr/lib64/kept /usr/lib64/added | tr '\n' ' '; test -L /l && echo still-a-link
D
build .
has "new old new"
has still-a-link
