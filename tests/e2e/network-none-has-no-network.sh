#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --network=none, of a RUN or of the build, leaves only loopback.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN --network=none ls /sys/class/net | tr "\\n" " "; echo done\n' >Dockerfile
build .
ran 'lo (tunl0 |sit0 |ip6tnl0 |gre0 |gretap0 |erspan0 |ip_vti0 |ip6_vti0 |ip6gre0 )*done' || ran 'lo done'
printf 'FROM busybox\nRUN cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d " \\n"; echo .\n' >Dockerfile
build --network none .
ran 'lo\.'
