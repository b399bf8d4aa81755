#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two stores, two folders, another umask and locale: the layers have the same digests.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo x >b; echo y >a; chmod 644 a b
printf 'FROM busybox\nCOPY a b /\nCOPY --from=busybox /bin/busybox /bb\n' >Dockerfile
touch -d '2020-01-01' a b
build -t same .
first=$(config same '.rootfs.diff_ids')
cp -a . "$T/elsewhere"; cd "$T/elsewhere"
export SHALE_ROOT=$T/store2 LC_ALL=C.UTF-8 TZ=Asia/Tokyo
umask 077
images busybox:latest
build -t same .
same "$(config same '.rootfs.diff_ids')" "$first"
