#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --check lists warnings with their place and ends with 1, runs nothing and writes nothing; in JSON too.
. "$(dirname "$0")/lib.sh"
printf 'FROM scratch AS Base\nRUN false\nFROM scratch\nLABEL a=$NONE\nCMD echo\n' >Dockerfile
fails 1 build --check .
has 'Check complete, 3 warnings have been found!'
has "Stage name 'Base' should be lowercase"
has "WARNING: UndefinedVar - https://docs.docker.com/go/dockerfile/rule/undefined-var/"
has '   4 | >>> LABEL a=$NONE'
[ ! -e "$SHALE_ROOT" ] || die "a check made a store"

shale build --call=check,format=json,ignorestatus=true . >"$T/check.json"
python3 - "$T/check.json" <<'EOT'
import base64, json, sys
report = json.load(open(sys.argv[1]))
rules = [(w["ruleName"], w["location"]["ranges"][0]["start"]["line"]) for w in report["warnings"]]
assert rules == [("StageNameCasing", 1), ("UndefinedVar", 4), ("JSONArgsRecommended", 5)], rules
assert base64.b64decode(report["sources"][0]["data"]).startswith(b"FROM scratch"), report["sources"]
assert "buildError" not in report
EOT

# Of stages that no build would need, too.
printf 'FROM scratch AS left-out\nCOPY $NONE /\nFROM scratch\nLABEL a=b\n' >Dockerfile
fails 1 build --check .
has "Usage of undefined variable '\$NONE'"

printf '# check=skip=all\nFROM scratch AS Base\n' >Dockerfile
build --check .
has 'Check complete, no warnings found.'

printf 'FROM scratch AS Base\nRUM ls\n' >Dockerfile
fails 2 build --check .
has "Stage name 'Base'"; has "did you mean 'RUN'?"
status=0
shale build --call=check,format=json . >"$T/check.json" || status=$?
[ $status = 1 ] || die "a check that found an error ended with $status"
python3 -c 'import json,sys; e=json.load(open(sys.argv[1]))["buildError"]; assert "RUM" in e["message"] and e["location"]["ranges"][0]["start"]["line"] == 2, e' "$T/check.json"
# What error=true makes of warnings is the build's error, also where only stages that no build needs have some.
printf '# check=error=true\nFROM scratch AS Unneeded\nFROM scratch\nLABEL a=b\n' >Dockerfile
status=0
shale build --call=check,format=json . >"$T/check.json" || status=$?
[ $status = 1 ] || die "a check with error=true ended with $status"
python3 - "$T/check.json" <<'EOT'
import json, sys
error = json.load(open(sys.argv[1]))["buildError"]
assert error["message"] == "lint violation found for rules: StageNameCasing", error
assert error["location"]["ranges"][0]["start"]["line"] == 2, error
EOT
fails 2 build --check .
has 'WARNING: StageNameCasing'; has 'lint violation found for rules: StageNameCasing'
fails 2 build --call=chekc .
has "did you mean 'check'?"
