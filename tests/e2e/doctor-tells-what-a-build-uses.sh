#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shale doctor and shale info name the isolation that a build then has.
. "$(dirname "$0")/lib.sh"
needs userns
images busybox:latest
level=$(shale info --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["isolation"])')
printf 'FROM busybox\nRUN true\n' >Dockerfile
build .
has "isolation $level"
shale info | grep -q "isolation: $level " || die "info says something else than info --json"
shale doctor --json >"$T/report.json"
python3 - "$T/report.json" "$level" "$SHALE_ROOT" <<'P' || die "the report is not what it should be"
import json, sys
report = json.load(open(sys.argv[1]))
assert report["isolation"] == sys.argv[2] and report["storeRoot"] == sys.argv[3]
names = {f["name"]: f for f in report["findings"]}
assert names["user namespaces"]["state"] == "ok"
for f in report["findings"]:
    assert f["state"] in ("ok", "missing", "NO", "info") and f["text"] and "\n" not in f["remedy"]
P
SHALE_ISOLATION=none shale info | grep -q 'isolation: none ' || die "SHALE_ISOLATION is not heard"
