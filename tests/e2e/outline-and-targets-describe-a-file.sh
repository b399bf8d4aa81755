#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --call=outline lists what a target takes, --call=targets the stages; neither asks a registry.
. "$(dirname "$0")/lib.sh"
row() { grep -qxE -- "$1" "$OUT" || die "no row '$1'"; }
cat >Dockerfile <<'EOT'
ARG BASE=no.such.registry.invalid/image
# build compiles
FROM $BASE AS build
# VERSION is what to build
ARG VERSION=1.$MINOR
RUN --mount=type=secret,id=token,required --mount=type=ssh make
# app is what runs
FROM scratch AS app
COPY --from=build /x /x
EOT
build --call=outline --build-arg BASE=other.invalid/image .
row 'TARGET: *app'
row 'DESCRIPTION: *is what runs'
row 'BASE *other.invalid/image *'
row 'VERSION *1\. *is what to build'
row 'token *true'
row 'default *'
build --call=targets .
row 'build *compiles'
row 'app \(default\) *is what runs'
shale build --call=targets,format=json . | python3 -c '
import json, sys
targets = json.load(sys.stdin)["targets"]
assert [t["name"] for t in targets] == ["build", "app"] and targets[1]["default"], targets
assert targets[0]["base"] == "$BASE" and "default" not in targets[0], targets'
shale build --call=outline,format=json --target build . | python3 -c '
import json, sys
outline = json.load(sys.stdin)
assert outline["name"] == "build" and outline["secrets"][0] == {"name": "token", "required": True,
    "location": {"ranges": [{"start": {"line": 6}, "end": {"line": 6}}]}}, outline'
[ ! -e "$SHALE_ROOT" ] || die "a call made a store"
