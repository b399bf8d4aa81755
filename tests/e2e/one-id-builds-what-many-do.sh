#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With one id and root emulation, packages with daemons' users, a database's initdb, useradd, su and install -o leave
# the same files as with a range of ids: type, mode, owner, attributes and content.
# timeout: 1500
. "$(dirname "$0")/lib.sh"
needs net userns
cat >Dockerfile <<'D'
FROM debian:bookworm-slim AS apt
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light postgresql openssh-client sudo gcc libc6-dev make
FROM apt
RUN su postgres -c '/usr/lib/postgresql/15/bin/initdb -D /var/lib/postgresql/mine >/tmp/initdb' && stat -c 'data %U %a' /var/lib/postgresql/mine
RUN service postgresql start && su postgres -c "psql -Atc 'select 40+2'" | sed 's/^/answer /' && service postgresql stop
RUN useradd --create-home --uid 1234 app && su app -c 'cd && echo mine >file && ln -s file link && mkfifo fifo && mkdir -m 2750 dir && touch dir/a' \
 && echo 'app ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/app && su app -c 'sudo touch /root/by-sudo && sudo -u www-data id -un' \
 && chown -h www-data /home/app/link && mkdir /srv/shared && chown :staff /srv/shared && chmod 2775 /srv/shared && touch /srv/shared/x
COPY project /src
RUN make -C /src install && setcap cap_net_bind_service=ep /usr/local/bin/hello 2>/dev/null; cp -a /home/app /home/copy && mv /home/copy /srv
USER app
RUN touch ~/by-user && ! touch /etc/by-user 2>/dev/null && mkdir ~/.cache
D
mkdir project
cat >project/hello.c <<'C'
#include <stdio.h>
int main(void) { puts("hello"); return 0; }
C
cat >project/Makefile <<'M'
install: hello
	install -o www-data -g staff -m 4750 hello /usr/local/bin/hello
	install -d -o 33 -g 44 -m 1777 /srv/spool
M
for mode in full single; do
  export SHALE_ISOLATION=$mode SHALE_ROOT=$T/$mode-store # a store each, so that each build runs every step
  images debian:bookworm-slim
  build -o "type=tar,dest=$T/$mode.tar" .
  ran 'data postgres 700'; ran 'answer 42'; ran www-data
done
python3 "$HERE/compare-trees" "$T/full.tar" "$T/single.tar"
