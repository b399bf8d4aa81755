#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A base image whose files belong to many ids keeps them all, as far as the ids are mapped.
. "$(dirname "$0")/lib.sh"
mkdir r; echo x >r/f
tar -C r --owner=65000 --group=65001 --numeric-owner -cf root.tar f
shale import root.tar ids:1 >/dev/null
printf 'FROM ids:1\nCOPY --chown=12:34 r/f /g\n' >Dockerfile
build -o "type=tar,dest=$T/out.tar" .
same "$(tar --numeric-owner -tvf "$T/out.tar" | awk '{ print $2, $6 }' | sort | tr '\n' ' ')" "12/34 g 65000/65001 f "
