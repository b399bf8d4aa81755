#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A secret is readable in its RUN and in no layer, history, config or cache; a changed secret changes nothing.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo hunter-two-from-file >secret.txt
export TOKEN=hunter-two-from-env
cat >Dockerfile <<'D'
FROM busybox
RUN --mount=type=secret,id=file --mount=type=secret,id=env,env=TOKEN \
    cut -c1-6 /run/secrets/file; echo "$TOKEN" | cut -c1-6; stat -c 'mode %a' /run/secrets/file
RUN ls -A /run; echo token-is-${TOKEN:-gone}
D
build -t secret --secret id=file,src=secret.txt --secret id=env,env=TOKEN .
ran hunter && ran 'mode 400' && ran token-is-gone
exported secret
mkdir "$T/x"; tar -C "$T/x" -xf "$T/oci.tar"
for blob in "$T"/x/blobs/sha256/*; do ! { zcat -f "$blob" | grep -qa hunter-two; } || die "in ${blob##*/}"; done
! grep -rqsa hunter-two "$SHALE_ROOT" || die "in the store"
lacks hunter-two
TOKEN=other build -t secret --secret id=file,src=Dockerfile --secret id=env,env=TOKEN .
same "$(cached)" 2
# A variable that is not set is an empty secret, and told.
cat >Dockerfile <<'D'
FROM busybox
RUN --mount=type=secret,id=unset,required=true [ -f /run/secrets/unset ] && [ ! -s /run/secrets/unset ] && echo empty
D
build --secret id=unset,env=NO_SUCH_VARIABLE .
ran empty
has 'the environment has no variable NO_SUCH_VARIABLE, so the secret is empty'
