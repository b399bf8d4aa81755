#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where a cgroup is delegated, each RUN has one of its own with the limits of the command line; what it hits is named,
# and no group is left, whatever ends the build.
# timeout: 900
. "$(dirname "$0")/lib.sh"
needs cgroup2
images busybox:latest
inside() { "$HERE/in-cgroup" "$E2E_SHALE" build --progress=plain "$@" >"$OUT" 2>&1; }
levels="full single"
[ "$(id -u)" != 0 ] || levels="full single mountns chroot"

for level in $levels; do
  # A line without an end is kept whole.
  printf 'FROM busybox\nRUN head -c 48m /dev/zero | tail -n 1 | wc -c\n' >Dockerfile
  inside --isolation="$level" --no-cache .
  ran 50331648
  printf 'FROM busybox\nRUN set -o pipefail; head -c 48m /dev/zero | tail -n 1 | wc -c\n' >Dockerfile
  fails 1 inside --isolation="$level" --no-cache -m 32m --memory-swap 32m .
  has 'out of memory: the kernel killed one of its processes at the memory limit of 32 MiB'
  has 'give it more with --memory'

  # The step goes on without the process that was killed: no error, but not silence either.
  printf 'FROM busybox\nRUN head -c 48m /dev/zero | tail -n 1 >/dev/null || true; cat /proc/self/cgroup || true\n' >Dockerfile
  inside --isolation="$level" --no-cache -m 32m --memory-swap 32m .
  has 'the kernel killed one of its processes at the memory limit of 32 MiB'
  lacks 'did not complete'
  # The last level has no /proc.
  [ "$level" = chroot ] || ran '0::/$' || die "the host's groups are named with isolation $level"

  printf 'FROM busybox\nRUN for i in $(seq 60); do sleep 1 & done; wait\n' >Dockerfile
  fails 1 inside --isolation="$level" --no-cache --pids-limit 30 .
  has 'it reached its limit of processes'
  inside --isolation="$level" --no-cache .
done

# Files that go to memory count there: a step that they alone bring to its limit runs once more on the disk, where they
# do not; one that needs too much itself fails at once.
export SHALE_SNAPSHOTTER=tmpfs
printf 'FROM busybox\nRUN head -c 60m /dev/zero >/big && stat -c "%%s bytes" /big\n' >Dockerfile
inside --no-cache -m 32m --memory-swap 32m .
has 'runs once more, on a copy of its layers'
ran '62914560 bytes'
printf 'FROM busybox\nRUN set -o pipefail; head -c 48m /dev/zero | tail -n 1 | wc -c\n' >Dockerfile
fails 1 inside --no-cache -m 32m --memory-swap 32m .
has 'out of memory: the kernel killed one of its processes at the memory limit of 32 MiB'
lacks 'runs once more'
unset SHALE_SNAPSHOTTER

# Without room for it, a limit is refused by the kernel, and said.
if [ -n "$("$HERE/in-cgroup" bash -c 'grep -w cpuset $E2E_GROUP/cgroup.controllers' 2>/dev/null)" ]; then
  fails 2 inside --no-cache --cpuset-cpus 4000 .
  has '--cpuset-cpus: the kernel does not take 4000'
fi

# What is written, seen from outside while the command runs; and a killed builder's groups go with the next build.
[ -n "$("$HERE/in-cgroup" bash -c 'echo ${E2E_GROUP-}')" ] || exit 0
printf 'FROM busybox\nRUN sleep 4714\n' >Dockerfile
cat >"$T/outer" <<'EOF'
#!/bin/bash
# In a group of ours: a parent for commands, beside the one that we are in.
set -eu
mkdir "$E2E_GROUP/self" "$E2E_GROUP/parent"
echo $$ >"$E2E_GROUP/self/cgroup.procs"
for controller in $(cat "$E2E_GROUP/cgroup.controllers"); do echo +$controller >"$E2E_GROUP/cgroup.subtree_control"; done
parent=${E2E_GROUP#/sys/fs/cgroup}/parent
"$E2E_SHALE" build --progress=plain --cgroup-parent "$parent" -m 64m --cpu-shares 2 --cpu-quota 50000 . >"$OUT" 2>&1 &
builder=$!
for _ in {1..100}; do grep -qsa 4714 /proc/[0-9]*/cmdline && [ -d "$E2E_GROUP"/parent/shale-* ] && break; sleep 0.1; done
cd "$E2E_GROUP"/parent/shale-*
for file in memory.max cpu.weight cpu.max pids.max; do [ ! -e $file ] || echo "$file $(cat $file)"; done
sleep 0.5
grep -q . cgroup.procs && echo occupied
cd /
kill -9 $builder
wait $builder || true
while grep -qsa 'sleep.4714' /proc/[0-9]*/cmdline; do sleep 0.1; done
ls -d "$E2E_GROUP"/parent/shale-* >/dev/null && echo left behind
printf 'FROM busybox\nRUN true\n' | "$E2E_SHALE" build --progress=plain --cgroup-parent "$parent" -f - . >"$OUT" 2>&1
ls -d "$E2E_GROUP"/parent/shale-* 2>/dev/null || echo swept
# Back to where we came from, which may have processes again when nothing is handed on.
rmdir "$E2E_GROUP/parent"
for controller in $(cat "$E2E_GROUP/cgroup.subtree_control"); do echo -$controller >"$E2E_GROUP/cgroup.subtree_control"; done
echo $$ >"$E2E_GROUP/cgroup.procs"
for _ in {1..50}; do rmdir "$E2E_GROUP/self" 2>/dev/null && break; sleep 0.1; done
EOF
chmod +x "$T/outer"
export OUT E2E_SHALE
status=0
(cd "$T/ctx" && "$HERE/in-cgroup" "$T/outer" >"$T/seen" 2>&1) || status=$?
cat "$T/seen" >>"$OUT"
for line in 'memory.max 67108864' 'pids.max 16384' occupied 'left behind' swept; do has "$line" "$T/seen"; done
same $status 0 # and nothing is left of the groups
if grep -q cpu.max "$T/seen"; then
  has 'cpu.weight 1' "$T/seen"
  has 'cpu.max 50000 100000' "$T/seen"
fi
nothing_left
