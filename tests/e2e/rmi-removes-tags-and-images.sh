#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `rmi` removes a tag, with the last tag the image, files of subordinate ids included; `images` lists what is there, newest
# first.
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
shale rmi -f nothing:there >"$OUT" 2>&1 # as docker: what is not there is as good as removed
has nothing
build -t one:1 .
listed one

# What lies in a directory of a subordinate id can be removed only where that id is root's.
mkdir d && echo 1 >d/f
tar -cf foreign.tar --owner=7 --group=7 --mode=700 d
shale import foreign.tar foreign >/dev/null
shale rmi foreign >"$OUT" 2>&1
lacks warning
same "$(find "$SHALE_ROOT/trash" -mindepth 1 | wc -l)" 0
if [ "$(id -u)" != 0 ]; then
  shale import foreign.tar foreign >/dev/null
  SHALE_ISOLATION=single shale rmi foreign >"$OUT" 2>&1
  has Deleted:
  has "warning: files of 'foreign' are still there; 'shale prune' gives their space back"
  shale prune >/dev/null
  same "$(find "$SHALE_ROOT/trash" -mindepth 1 | wc -l)" 0
fi
