#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Four stages that only wait are built in the time of one.
# alone
. "$(dirname "$0")/lib.sh"
images busybox:latest
for stage in a b c d; do printf 'FROM busybox AS %s\nRUN sleep 2; echo %s >/%s\n' $stage $stage $stage; done >Dockerfile
printf 'FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\nCOPY --from=c /c /\nCOPY --from=d /d /\n' >>Dockerfile
start=${EPOCHREALTIME/./}
build --jobs 4 -o "$T/out" .
elapsed=$((${EPOCHREALTIME/./} - start))
[ $elapsed -lt 2800000 ] || die "took $elapsed microseconds"
same "$(cat "$T"/out/? | tr -d '\n')" abcd
