#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --security-opt chooses the filter of commands: docker's JSON, our YAML, the built-in one or none; mistakes in a profile
# are found before anything runs, and a profile that refuses too much is named.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'EOF'
FROM busybox
RUN chmod 600 /etc/passwd && echo chmod works || echo chmod refused; unshare -U true 2>/dev/null && echo unshare works; \
    grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status | tr '\t' ' '
EOF
levels="full single"
[ "$(id -u)" != 0 ] || levels="full single mountns"
cat >deny.json <<'EOF'
{"defaultAction": "SCMP_ACT_ALLOW",
 "syscalls": [{"names": ["chmod", "fchmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
EOF
printf 'version: 1\ndefault: allow\nrules:\n  - {action: EPERM, calls: [chmod, fchmod, fchmodat]}\n' >deny.yaml
for level in $levels; do
  run() { build --isolation="$level" --no-cache "$@" .; }
  run
  ran 'chmod works' && ran 'Seccomp: 2' && ran 'NoNewPrivs: 0' && lacks '> unshare works'
  ! ran 'unshare works' || die "the built-in profile allows unshare with isolation $level"
  run --security-opt seccomp=deny.json
  ran 'chmod refused' || die "docker's format is not in force with isolation $level"
  run --security-opt seccomp=deny.yaml --security-opt=no-new-privileges
  ran 'chmod refused' && ran 'NoNewPrivs: 1' || die "our format is not in force with isolation $level"
  run --security-opt seccomp:unconfined --security-opt apparmor=unconfined --security-opt label=disable
  ran 'chmod works' && ran 'unshare works' || die "there is a filter with isolation $level"
done
if [ "$(id -u)" = 0 ]; then
  build --isolation=chroot --no-cache --security-opt seccomp=deny.json .
  ran 'chmod refused' || die "the filter is not in force with isolation chroot"
fi

# A profile decides about no cached step.
build .
build --security-opt seccomp=deny.json .
[ "$(cached)" = 1 ] || die "the profile decides about the cache"

# Mistakes, before anything runs.
printf '{"defaultAction": "SCMP_ACT_ALLOW",\n "syscalls": [{"names": ["read"], "action": "SCMP_ACT_MAYBE"}]}\n' >bad.json
fails 2 build --no-cache --security-opt seccomp=bad.json .
has "seccomp profile 'bad.json', syscalls[0].action: the action 'SCMP_ACT_MAYBE' is not supported"
printf 'version: 1\ndefault: allow\nrules: {}\n' >bad.yaml
fails 2 build --no-cache --security-opt seccomp=bad.yaml .
has "seccomp profile 'bad.yaml', line"
fails 2 build --no-cache --security-opt seccomp=missing.json .
has 'missing.json'
fails 2 build --no-cache --security-opt seccomp=/dev/zero .
fails 2 build --no-cache --security-opt secomp=x .
has "did you mean 'seccomp'?"
fails 3 build --no-cache --security-opt apparmor=some-profile .
has 'no AppArmor profile of their own'
lacks 'chmod works'

# What the sandbox itself needs, or the program, is refused.
printf '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}\n' >nothing.json
fails + build --no-cache --security-opt seccomp=nothing.json .
has "the profile 'nothing.json'"
printf '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getdents64"], "action": "SCMP_ACT_KILL_PROCESS"}]}\n' >kill.json
printf 'FROM busybox\nRUN ["ls", "/"]\n' >Dockerfile
fails 1 build --no-cache --security-opt seccomp=kill.json .
has 'signal 31'
has "the profile 'kill.json'"
nothing_left
