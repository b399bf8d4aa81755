#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Layers with climbing names, absolute names or names through links write nothing outside the store.
. "$(dirname "$0")/lib.sh"
mkdir evil; echo x >evil/f
climb=$(printf '../%.0s' {1..12})
for kind in dotdot absolute link; do
  case $kind in
    dotdot) tar -C evil --transform="s|^f|$climb$T/escaped|" -P -cf root.tar f ;;
    absolute) tar -C evil --transform="s|^f|$T/escaped|" -P -cf root.tar f ;;
    link) ln -s "$T" evil/l; tar -C evil -cf root.tar l; tar -C evil --transform='s|^f|l/escaped|' -rf root.tar f; rm evil/l ;;
  esac
  shale import root.tar "evil:$kind" >"$OUT" 2>&1 || true
  printf 'FROM scratch\nADD root.tar /\n' >Dockerfile
  build . || true
  [ ! -e "$T/escaped" ] || die "$kind wrote outside"
done
nothing_left
