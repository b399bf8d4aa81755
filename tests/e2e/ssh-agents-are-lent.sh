#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# RUN --mount=type=ssh: an agent's socket or a key, for root and for others, to list and sign with; no key is left anywhere.
. "$(dirname "$0")/lib.sh"
needs ssh-agent
images debian:bookworm-slim
ssh-keygen -q -t ed25519 -N '' -C the-key -f "$T/key"
ssh-keygen -q -t ed25519 -N hidden -C locked -f "$T/locked"
eval "$(ssh-agent -a "$T/s" 2>/dev/null)" >/dev/null
AGENT=$SSH_AGENT_PID
ssh-add -q "$T/key"
# A client in Perl, which the image has: sends one request, prints type and length of the answer.
cat >ask.pl <<'P'
use Socket;
socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; connect($s, pack_sockaddr_un($ENV{SSH_AUTH_SOCK})) or die "connect: $!\n";
syswrite($s, pack('N/a*', chr($ARGV[0]))); sysread($s, my $head, 5) == 5 or die "no answer\n";
my ($length, $type) = unpack('NC', $head); my $body = '';
while (length($body) < $length - 1) { sysread($s, $body, $length, length $body) or last }
print "asked $ARGV[0]: answer $type", ($body =~ /the-key/ ? " the-key" : ""), "\n";
P
cat >Dockerfile <<'D'
FROM debian:bookworm-slim
COPY ask.pl /
RUN --mount=type=ssh echo "socket $SSH_AUTH_SOCK" && stat -c '%F %a %u:%g' $SSH_AUTH_SOCK && perl /ask.pl 11
# Adding, removing and locking are refused.
RUN --mount=type=ssh perl /ask.pl 19 && perl /ask.pl 17 && perl /ask.pl 22 && perl /ask.pl 27 && perl /ask.pl 11
USER 1000:1000
RUN --mount=type=ssh,target=/tmp/mine,uid=1000,gid=1000,mode=0400 stat -c 'mine %a %u:%g' /tmp/mine
RUN --mount=type=ssh,target=/tmp/mine,uid=1000,gid=1000,required perl /ask.pl 11 && echo as $(id -u)
D
build --ssh default -t lent .
ran 'socket /run/buildkit/ssh_agent.0$'
ran 'socket 600 0:0$'
ran 'asked 11: answer 12 the-key$'
for request in 19 17 22 27; do ran "asked $request: answer 5$"; done
ran 'mine 400 1000:1000$'
ran 'as 1000$'
ssh-add -l | grep -q the-key || die "a command took a key away"
rootfs lent
[ ! -e "$T/rootfs/run/buildkit" ] && [ ! -e "$T/rootfs/tmp/mine" ] || die "a mount point is left"
# Without --ssh: the variable is there and the socket is not; what requires it fails.
printf 'FROM debian:bookworm-slim\nRUN --mount=type=ssh test -n "$SSH_AUTH_SOCK" && test ! -e "$SSH_AUTH_SOCK"\n' | build -
fails + build .
has 'no SSH key "default" forwarded'
has '--ssh default'
fails 2 env -u SSH_AUTH_SOCK "$E2E_SHALE" build --ssh default . 2>"$OUT"
has 'SSH_AUTH_SOCK is not set'
kill "$AGENT"
unset SSH_AUTH_SOCK

# A key as a file: in an agent that ends with the build.
printf 'FROM debian:bookworm-slim\nCOPY ask.pl /\nRUN --mount=type=ssh,id=deploy perl /ask.pl 11\n' >Dockerfile
build --ssh "deploy=$T/key" .
ran 'asked 11: answer 12 the-key$'
agents() { pgrep -u "$(id -u)" -f "agent-0" || true; }
wait_for test -z "$(agents)"
fails 2 build --no-cache --ssh "deploy=$T/locked" .
has 'passphrase'
fails + build --no-cache --ssh "deploy=$T/nothing" .
# Neither the key nor its comment are in the store.
line=$(sed -n 3p "$T/key")
! grep -rqaF -- "$line" "$SHALE_ROOT" || die "the key is in the store"
nothing_left
