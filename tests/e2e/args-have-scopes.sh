#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ARG before FROM is for FROM alone, in a stage from its line on; ENV wins over nothing; unused arguments change nothing.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
ARG BASE=busybox
ARG GLOBAL=global
FROM $BASE AS a
RUN echo before-${GLOBAL:-unset}
ARG GLOBAL
ARG LOCAL=default
RUN echo after-$GLOBAL-$LOCAL
FROM a
RUN echo child-$LOCAL
FROM busybox
RUN echo other-${LOCAL:-unset} ${https_proxy:-no-proxy}
COPY --from=1 /etc/hosts /
D
build .
ran before-unset && ran after-global-default && ran child-default && ran other-unset
build --build-arg LOCAL=given --build-arg https_proxy=http://p.example .
ran after-global-given && ran child-given
