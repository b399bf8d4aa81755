#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A local base image is used as it is; --pull asks the registry again.
. "$(dirname "$0")/lib.sh"
hub busybox:latest
name=$E2E_REGISTRY/moving/base-$$:1
printf 'FROM busybox\nRUN echo old >/version\n' | build -t "$name" -f - .
shale push "$name"
old=$SHALE_ROOT
export SHALE_ROOT=$T/other
printf 'FROM busybox\nRUN echo new >/version\n' | build -t "$name" -f - .
shale push "$name"
export SHALE_ROOT=$old
printf 'FROM %s\nRUN echo version-$(cat /version)\n' "$name" >Dockerfile
build .
ran version-old
build --pull .
ran version-new
