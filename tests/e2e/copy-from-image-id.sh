#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY --from and FROM take a local image by name, by image id and by a prefix of it.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN echo one >/one\n' | build -t local/app:1 --iidfile "$T/id" -f - .
id=$(cat "$T/id")
# One with a letter in it: a number is a stage's.
[[ $id =~ ^sha256:([0-9]{12}[0-9]*[a-f]|[0-9a-f]{12}) ]]
prefix=${BASH_REMATCH[1]}
cat >Dockerfile <<D
FROM $id
COPY --from=local/app:1 /one /by-name
COPY --from=$id /one /by-id
COPY --from=$prefix /one /by-prefix
D
build -t copy .
rootfs copy
same "$(cat "$T"/rootfs/by-{name,id,prefix} | uniq -c | tr -s ' ')" " 3 one"
