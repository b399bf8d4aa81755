#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# FROM takes this machine's image out of an index, plain manifests, docker's media types and zstd layers.
. "$(dirname "$0")/lib.sh"
needs registry skopeo
oci=oci-archive:$E2E_CACHE/busybox-latest.oci.tar
to=(--dest-tls-verify=false)
skopeo copy -q "${to[@]}" --format v2s2 "$oci" "docker://$E2E_REGISTRY/forms/docker:1"
skopeo copy -q "${to[@]}" --format oci --dest-compress-format zstd "$oci" "docker://$E2E_REGISTRY/forms/zstd:1"
skopeo copy -q "${to[@]}" "$oci" "docker://$E2E_REGISTRY/forms/index:one"
one=$(skopeo inspect --raw --tls-verify=false "docker://$E2E_REGISTRY/forms/index:one")
entry=$(jq -nc --arg d "sha256:$(printf %s "$one" | sha256sum | cut -d' ' -f1)" --argjson s "${#one}" \
  '{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: $s}')
other='{"architecture":"s390x","os":"linux"}' mine="{\"architecture\":\"$(dpkg --print-architecture)\",\"os\":\"linux\"}"
jq -nc --argjson e "$entry" --argjson o "$other" --argjson m "$mine" '{schemaVersion: 2, mediaType:
  "application/vnd.oci.image.index.v1+json", manifests: [$e + {platform: $o, digest: ("sha256:" + "0" * 64)}, $e + {platform: $m}]}' |
  curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @- "http://$E2E_REGISTRY/v2/forms/index/manifests/1"
for form in docker zstd index; do
  printf 'FROM %s/forms/%s:1\nRUN echo runs-%s\n' "$E2E_REGISTRY" $form $form | build -f - .
  ran runs-$form
done
