#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A link that points out of the context reaches nothing outside, be it absolute, relative or in a parent folder.
. "$(dirname "$0")/lib.sh"
echo host-secret >"$T/outside"; mkdir "$T/outdir"; echo host-secret >"$T/outdir/f"
ln -s "$T/outside" absolute; ln -s ../outside relative; ln -s ../outdir parent; ln -s /etc etc
for source in absolute relative parent/f parent/ etc/hostname ../outside "$T/outside"; do
  printf 'FROM scratch\nCOPY %s /leak\n' "$source" >Dockerfile
  if build -o "$T/out" .; then ! grep -rqs host-secret "$T/out" || die "COPY $source left the context"; fi
  rm -rf "$T/out"
done
printf 'FROM scratch\nCOPY . /\n' >Dockerfile
build -o "$T/out" . # as links they are copied
same "$(readlink "$T/out/relative")" ../outside
