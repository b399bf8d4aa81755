#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY --from takes a stage's name in any case, or its number.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox
RUN echo zero >/file
FROM busybox AS Named
RUN echo named >/file
FROM scratch
COPY --from=0 /file /zero
COPY --from=named /file /one
COPY --from=NAMED /file /two
COPY --from=1 file three
D
build -o "$T/out" .
same "$(cat "$T"/out/{zero,one,two,three} | tr '\n' ' ')" "zero named named named "
