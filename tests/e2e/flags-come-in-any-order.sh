#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Flags after the context, global options after the command and joined short options are understood.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nARG WHO\nRUN echo hello-$WHO\n' >Dockerfile.multi
shale build . -f Dockerfile.multi -t flags:1 --build-arg WHO=me --progress plain --root "$SHALE_ROOT" >"$OUT" 2>&1
ran hello-me
shale --root "$SHALE_ROOT" build -tflags:2 -fDockerfile.multi --no-cache --progress=plain >"$OUT" 2>&1
ran hello-
listed flags
WHO='env' shale build --build-arg WHO -f Dockerfile.multi --progress=plain >"$OUT" 2>&1
ran hello-env
