#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With one id, a RUN after USER may and may not what it may and may not with a range of ids: a thousand calls on files
# and directories of its own, of root's, of its group's and of another's, behind open doors and closed ones and links.
# timeout: 600
. "$(dirname "$0")/lib.sh"
needs userns
images alpine:latest
cat >prepare <<'S'
set -e; mkdir -p /srv
sed -i 's/^users:.*/users:x:100:www-data/' /etc/group
for place in open closed sticky team; do
  mkdir /srv/$place
  for mode in 600 640 644 666 711 4755; do echo x >/srv/$place/$mode; chmod $mode /srv/$place/$mode; done
done
chmod 700 /srv/closed; chmod 1777 /srv/sticky; chgrp users /srv/team /srv/team/640; chmod 2775 /srv/team
mkdir -m 777 /srv/closed/sub /srv/open/all; mkdir -m 771 /srv/passing; echo x >/srv/passing/x
ln -s /srv/closed/644 /srv/open/in; ln -s ../sticky/theirs /srv/open/across; ln -s all /srv/open/dir; ln -s nowhere /srv/open/dangling
for file in sticky/theirs open/theirs; do echo x >/srv/$file; chown daemon:users /srv/$file; chmod 664 /srv/$file; done
for file in sticky/mine open/mine; do echo x >/srv/$file; chown www-data:root /srv/$file; done
echo x >/root/644; chmod 700 /root
cp /bin/busybox /srv/closed/busybox; cp /bin/busybox /srv/open/busybox; chmod 744 /srv/open/busybox
S
cat >try <<'S'
exec 2>&1
try() { said=$(eval "$1" 2>&1); echo "TRIED $1: $? $(echo "$said" | head -1)"; }
for file in /srv/*/[0-9]* /srv/open/* /srv/sticky/* /srv/passing/x /srv/closed/644 /srv/open/dir/new /root/644 /root/none /srv/team/640/x; do
  for call in "cat" "stat -c %a:%u:%g" "test -r" "test -w" "test -x" "echo y >>" "readlink" "touch -c" "touch -c -d 2020-01-02" \
    "truncate -c -s 2" "chmod 646" "chmod g+s" "chgrp users" "chgrp root" "chown www-data" "ls -d"; do
    try "$call $file"
  done
  try "cp $file /tmp/copy"; rm -rf /tmp/copy
  try "ln $file /tmp/link"; rm -rf /tmp/link
  try "mv $file $file.x"; mv $file.x $file
  case $file in *6??) try "rm -f $file" ;; esac
done
for place in / /srv /srv/* /srv/closed/sub /srv/open/all /srv/open/dir /root /etc /proc/self/fd /sys /dev /dev/shm; do
  for call in "ls" "cd" "test -x" "touch" "chmod 755" "touch $place/new;" "mkdir $place/new-dir;" "ln -s x $place/new-link;" \
    "mkfifo $place/new-fifo;" "rmdir $place/new-dir;" "rm -f $place/new $place/new-link $place/new-fifo;" "find -name none"; do
    case $place in /proc*|/dev|/sys) case $call in ls|cd|find*|test*) continue ;; esac ;; esac
    try "$call $place"
  done
  try "cd $place && cat 644"
  try "cd $place && cd .. && pwd"
done
for call in /srv/closed/busybox /srv/open/busybox "tar -C /srv -cf /dev/null closed" "tar -C /srv/sticky -cf - . | tar -C /srv/open/all -xf -" id; do
  try "$call"
done
find /srv /root /tmp -exec stat -c 'LEFT %n %A %u:%g %s' {} +; exit 0
S
cat >Dockerfile <<'D'
FROM alpine:latest
COPY prepare try /
RUN sh /prepare
USER www-data
RUN sh /try
D
for mode in full single; do
  build --isolation="$mode" --no-cache .
  grep -oE '(TRIED|LEFT) .*' "$OUT" >"$T/$mode"
done
[ "$(wc -l <"$T/full")" -gt 1000 ] || die "only $(wc -l <"$T/full") lines"
diff "$T/full" "$T/single" || die 'with one id (>) other things are allowed than with many (<)'
