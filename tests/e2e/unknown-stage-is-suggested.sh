#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A stage nobody defined is an error with the line and the nearest name, before anything runs.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox AS build
RUN echo nothing-ran-yet
FROM scratch
COPY --from=biuld /out /out
D
fails + build . # an image could have that name, so it may be looked for
has 'Dockerfile:4'; has biuld; has "'build'"
lacks nothing-ran-yet
fails 2 build --target bild .
has bild; has "'build'"
