#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A command's host is called what BUILDKIT_SANDBOX_HOSTNAME says, in /etc/hosts too.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D2'
FROM busybox
ARG WANTED
RUN [ "$(hostname)" = "$WANTED" ] && grep -qw "$WANTED" /etc/hosts
D2
build --build-arg WANTED=buildkitsandbox .
build --build-arg BUILDKIT_SANDBOX_HOSTNAME=here --build-arg WANTED=here .
# A name is part of what a command can see, so another one runs it again.
fails + build --build-arg BUILDKIT_SANDBOX_HOSTNAME=there --build-arg WANTED=here .
