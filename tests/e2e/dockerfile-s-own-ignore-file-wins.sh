#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# <Dockerfile>.dockerignore is used instead of .dockerignore.
. "$(dirname "$0")/lib.sh"
images busybox:latest
touch a b
echo a >.dockerignore; echo b >other.dockerignore
printf 'FROM busybox\nCOPY a b* /ctx/\n' >other
build -f other -t ignored .
rootfs ignored
same "$(ls "$T/rootfs/ctx")" a
