#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a step can see and do, asked by a program that tries everything, is nowhere more than in docker and buildah,
# except where runtime/README.md says why.
. "$(dirname "$0")/lib.sh"
needs userns probe
cp "$E2E_PROBE" probe
# Where the host is looked for: not in the namespace of the test, but in that of whoever runs it.
python3 - "$HERE/../probe" <<'P' >"$T/canaries" &
import sys, time
sys.path.insert(0, sys.argv[1])
from canaries import Canaries
with Canaries() as canaries:
    print(*canaries.arguments(), sep="\n", flush=True)
    time.sleep(600)
P
SERVER=$!
wait_for grep -q port "$T/canaries"
words=$(sed 's/.*/, "&"/' "$T/canaries" | tr -d '\n')
cat >Dockerfile <<D
FROM scratch AS ran
COPY probe /probe
RUN ["/probe", "--out=/result.json"$words]
FROM scratch
COPY --from=ran /result.json /
D
results=()
for isolation in full single; do
  SHALE_ROOT=$T/store-$isolation build --isolation=$isolation -o "$T/$isolation" .
  results+=("$isolation=$T/$isolation/result.json")
done
"$HERE/../probe/judge" "$HERE/../../runtime/README.md" "${results[@]}"
