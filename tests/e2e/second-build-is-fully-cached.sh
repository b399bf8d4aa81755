#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A second build runs nothing, in a new process and with `.` given differently; --no-cache runs everything.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo one >file
cat >Dockerfile <<'D'
FROM busybox
RUN echo first >/1
COPY file /
RUN echo second >/2
D
build -t a . --iidfile "$T/a"
same "$(cached)" 0
build -t a "$PWD" --iidfile "$T/b"
same "$(cached)" 3
cmp "$T/a" "$T/b"
touch -d 2001-01-01 file # a time is not content
build -t a .
same "$(cached)" 3
build --no-cache -t a .
same "$(cached)" 0
