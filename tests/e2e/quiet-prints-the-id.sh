#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# -q prints the image id alone; --iidfile holds it; equal input gives the equal id.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nCMD ["x"]\n' >Dockerfile
id=$(shale build -q --iidfile "$T/id" -t quiet . 2>"$T/err")
same "$id" "$(cat "$T/id")"
[[ $id =~ ^sha256:[0-9a-f]{64}$ ]] || die "not an id: $id"
[ ! -s "$T/err" ] || die "printed: $(cat "$T/err")"
