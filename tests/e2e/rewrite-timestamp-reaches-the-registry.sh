#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# type=registry,rewrite-timestamp=true: what two stores push at different times is the same image.
. "$(dirname "$0")/lib.sh"
needs registry jq skopeo
images busybox:latest
shale save -o "$T/base.tar" busybox:latest
SHALE_ROOT=$T/store2 shale load -i "$T/base.tar" >/dev/null
export SOURCE_DATE_EPOCH=1600000000
printf 'FROM busybox\nRUN echo new >/new\n' >Dockerfile
pushed() {
  build -o "type=registry,name=$E2E_REGISTRY/team/dated:$1$2" .
  skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$E2E_REGISTRY/team/dated:$1"
}
first=$(pushed 1 ,rewrite-timestamp=true)
plain=$(pushed 2 '')
export SHALE_ROOT=$T/store2
sleep 1.1 # times in a tar are of whole seconds
same "$(pushed 3 ,rewrite-timestamp=true)" "$first"
[ "$(pushed 4 '')" != "$plain" ] || die 'times make no difference'
# A third store takes it back.
export SHALE_ROOT=$T/store3
printf 'FROM %s/team/dated:1\nRUN test $(stat -c %%Y /new) = 1600000000\n' "$E2E_REGISTRY" | build -f - .
