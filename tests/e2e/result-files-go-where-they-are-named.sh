#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --iidfile and --metadata-file write to what is named, be it a pipe, and replace no name that is none of a file's;
# what is written for the user has the mode that the umask leaves.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN true\n' >Dockerfile
id=$(shale build -q --iidfile /dev/stdout . 2>"$T/err" | sort -u)
[[ $id =~ ^sha256:[0-9a-f]{64}(sha256:[0-9a-f]{64})?$ ]] || die "not an id: $id, $(cat "$T/err")"
[ -L /dev/stdout ] || die "/dev/stdout is a link no longer"
ln -s real "$T/link"
echo old >"$T/real"
chmod 640 "$T/real"
# Through a pipe as a shell makes it, and through a link to a file that keeps its mode.
build --iidfile "$T/link" --metadata-file >(cat >"$T/metadata") .
for _ in {1..50}; do [ -s "$T/metadata" ] || sleep 0.1; done
same "sha256:$(sed 's/.*sha256://' "$T/real")" "$(jq -r '."containerimage.config.digest"' "$T/metadata")"
[ -L "$T/link" ] || die "the link was replaced"
same "$(stat -c %a "$T/real")" 640
fails 1 build --iidfile "$T/nowhere/id" .
has "while writing --iidfile $T/nowhere/id; the build itself is done"

(
  umask 077
  build --iidfile "$T/id" -o type=oci,dest="$T/x.tar" -o type=oci,tar=false,dest="$T/oci" -o "$T/new/files" .
)
same "$(stat -c %a "$T/id" "$T/x.tar" "$T/oci/index.json" "$T/oci" "$T/oci/blobs/sha256" "$T/new" | tr '\n' ' ')" \
  "600 600 600 700 700 700 "
umask 002
shale save -o "$T/saved" "$(sed 's/.*sha256://' "$T/real")"
same "$(stat -c %a "$T/saved")" 664
