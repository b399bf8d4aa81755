#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An imported root file system is a base image; FROM, RUN, COPY, ENV, WORKDIR and CMD do what they say.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo hello >greeting
cat >Dockerfile <<'D'
FROM busybox
ENV NAME=world
WORKDIR /srv/app
COPY greeting .
RUN echo "$(cat greeting) $NAME from $PWD" >said && chmod 600 said
CMD ["cat", "said"]
D
build -t hello .
rootfs hello
same "$(cat "$T/rootfs/srv/app/said")" "hello world from /srv/app"
same "$(stat -c %a "$T/rootfs/srv/app/said")" 600
same "$(config hello .config.WorkingDir)" /srv/app
same "$(config hello .config.Cmd)" '["cat","said"]'
same "$(config hello '.config.Env[-1]')" NAME=world
