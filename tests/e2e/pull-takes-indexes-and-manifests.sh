#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# FROM takes this machine's image out of an index, plain manifests, docker's media types and zstd layers.
. "$(dirname "$0")/lib.sh"
needs registry skopeo
put() { skopeo copy -q --dest-tls-verify=false "${@:3}" "oci:$E2E_CACHE/$1-latest.oci" "docker://$E2E_REGISTRY/forms/$2"; }
put busybox docker:1 --format v2s2
put busybox zstd:1 --format oci --dest-compress-format zstd
put busybox index:mine
put alpine index:other
entry() { # TAG ARCHITECTURE
  local raw; raw=$(skopeo inspect --raw --tls-verify=false "docker://$E2E_REGISTRY/forms/index:$1")
  printf '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%d,"platform":{"architecture":"%s","os":"linux"}}' \
    "$(printf %s "$raw" | sha256sum | cut -d' ' -f1)" "${#raw}" "$2"
}
kind=application/vnd.oci.image.index.v1+json
printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s,%s]}' $kind "$(entry other s390x)" "$(entry mine "$(dpkg --print-architecture)")" |
  curl -sf -X PUT -H "Content-Type: $kind" --data-binary @- "http://$E2E_REGISTRY/v2/forms/index/manifests/1"
for form in docker zstd index; do
  printf 'FROM %s/forms/%s:1\nRUN echo runs-%s; test ! -e /etc/os-release\n' "$E2E_REGISTRY" $form $form | build -f - .
  ran runs-$form
done
