#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `shale import -` takes a root file system from standard input, compressed or not.
. "$(dirname "$0")/lib.sh"
gzip -c "$E2E_CACHE/busybox-latest.tar" | shale import - piped:gz
shale import - piped:plain <"$E2E_CACHE/busybox-latest.tar"
for tag in gz plain; do
  printf 'FROM piped:%s\nRUN echo it runs\n' $tag >Dockerfile
  build --no-cache .
  has "it runs"
done
