#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `rmi` removes a tag, with the last tag the image; `images` lists what is there, newest first.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN echo x >/x\n' >Dockerfile
build -t one:1 -t two:2 .
listed one && listed two
shale rmi one:1
! listed one && listed two || die "the wrong name is gone"
id=$(shale images | awk '$1 == "two" { print $3 }')
shale rmi "$id"
! listed two || die "still there"
fails + shale rmi nothing:there >"$OUT" 2>&1
has nothing
build -t one:1 .
listed one
