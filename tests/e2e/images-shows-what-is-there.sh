#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `images` prints docker's columns; an empty store prints the heading alone.
. "$(dirname "$0")/lib.sh"
same "$(shale images | tr -s ' ')" "REPOSITORY TAG IMAGE ID CREATED SIZE"
images busybox:latest
same "$(shale images | tail -n +2 | awk '{ print $1, $2 }')" "busybox latest"
shale images | grep -qE '^busybox +latest +[0-9a-f]{12} ' || die "$(shale images)"
