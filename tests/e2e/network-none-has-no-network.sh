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
# The file is there all the same, as docker's is.
printf 'FROM busybox\nRUN --network=none sed s/^/none:/ /etc/resolv.conf\nRUN sed s/^/host:/ /etc/resolv.conf\n' >Dockerfile
build .
same "$(grep -o 'none:.*' "$OUT" | cut -d: -f2- | sort)" "$(grep -o 'host:.*' "$OUT" | cut -d: -f2- | sort)"
