#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `rmi` removes a tag, with the last tag the image; `images` lists what is there, newest first.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN echo x >/x\n' >Dockerfile
build -t one:1 -t two:2 .
has one <(shale images); has two <(shale images)
shale rmi one:1
lacks one <(shale images); has two <(shale images)
id=$(shale images | awk '$1 == "two" { print $3 }')
shale rmi "$id"
lacks two <(shale images)
fails + shale rmi nothing:there >"$OUT" 2>&1
has nothing
build -t one:1 .
has one <(shale images)
