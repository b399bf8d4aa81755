#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A layer whose bytes are not what its digest says is refused, and nothing of it is kept.
. "$(dirname "$0")/lib.sh"
hub alpine:latest
skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$E2E_REGISTRY/library/alpine:latest" "docker://$E2E_REGISTRY/bad/apple:1"
# In a copy of the registry's data of which one byte is turned.
cp -r "$E2E_WORK/registry/data" "$T/data"
layer=$(skopeo inspect --raw --tls-verify=false "docker://$E2E_REGISTRY/bad/apple:1" | jq -r '.layers[0].digest[7:]')
blob=$T/data/docker/registry/v2/blobs/sha256/${layer:0:2}/$layer/data
printf '\x5a' | dd of="$blob" bs=1 seek=5000 conv=notrunc status=none
sed "s|rootdirectory: [^}]*|rootdirectory: $T/data|" "$E2E_WORK/registry/config.yml" >"$T/config.yml"
docker-registry serve "$T/config.yml" >"$T/registry.log" 2>&1 & server=$!
trap 'kill $server; ending' EXIT
wait_for grep -q 'listening on' "$T/registry.log"
bad=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$T/registry.log")
fails + shale pull "$bad/bad/apple:1" >"$OUT" 2>&1
has "${layer:0:12}"
! listed "$bad/bad/apple" || die "it is in the store"
shale pull "$E2E_REGISTRY/bad/apple:1" >/dev/null 2>&1 # the good one still comes
