#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# History and layers follow docker's rules: metadata rows are marked empty, the others count the layers.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo x >x
cat >Dockerfile <<'D'
FROM busybox
ENV A=b
RUN true
COPY x /x
LABEL l=m
WORKDIR /w
CMD ["true"]
D
build -t rows .
same "$(config rows '[.history[] | select(.empty_layer | not)] | length')" "$(config rows '.rootfs.diff_ids | length')"
same "$(config rows '[.history[1:][] | .created_by | split(" ")[0]] | join(" ")')" "ENV RUN COPY LABEL WORKDIR CMD"
same "$(config rows '.history[2].created_by')" "RUN /bin/sh -c true # buildkit"
