#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A registry that cannot be reached is an error with its name and status 4; a refused image, too.
. "$(dirname "$0")/lib.sh"
printf 'FROM 127.0.0.1:9/team/app:1\n' >Dockerfile
SECONDS=0
fails 4 build .
has 127.0.0.1:9
[ $SECONDS -lt 60 ] || die "took $SECONDS seconds"
needs registry
printf 'FROM %s/no/such:image\n' "$E2E_REGISTRY" >Dockerfile
fails 4 build .
has no/such
