#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# AppArmor's own parser takes the profile as it is, and as scripts/quickstart installs it for another path.
. "$(dirname "$0")/lib.sh"
needs apparmor_parser
profile=$HERE/../../runtime/apparmor/shale
[ -e "$profile" ] || skip "the source tree is not here"
version=$(apparmor_parser --version | sed -n 's/.*version \([0-9]*\)\..*/\1/p')
[ "$version" -ge 4 ] || skip "apparmor_parser $version does not know 'userns'; 4 does"
accepts() { apparmor_parser --skip-kernel-load --skip-cache "$1" 2>&1; }
accepts "$profile" || die "the profile is refused"
. "$HERE/../../scripts/lib.sh"
apparmor_profile '/home/a user/shale' >"$T/other"
has 'profile shale "/home/a user/shale" flags=(unconfined) {' "$T/other"
accepts "$T/other" || die "the profile for another path is refused"
# What shale doctor says is to be pasted.
printf 'abi <abi/4.0>,\nprofile shale "/home/a user/shale" flags=(unconfined) { userns, }\n' >"$T/printed"
accepts "$T/printed" || die "the profile that shale doctor prints is refused"
if sed 's/userns,/users,/' "$profile" | accepts /dev/stdin >/dev/null; then die "anything is accepted"; fi
