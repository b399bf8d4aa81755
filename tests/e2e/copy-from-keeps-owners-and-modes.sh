#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY --from keeps owners, modes, links and times; COPY of the context makes files root's; --chown and --chmod win.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo x >mine; chmod 640 mine
cat >Dockerfile <<'D'
FROM busybox AS a
RUN mkdir /d && echo f >/d/f && ln -s f /d/l && chown -R 33:100 /d && chmod 4711 /d/f && touch -d '2001-02-03 04:05:06' /d/f
FROM busybox
COPY --from=a /d /d
COPY --from=a --chown=www-data:users --chmod=700 /d/f /chosen
COPY mine /mine
RUN stat -c '%n %a %u:%g %Y' /d/f /chosen /mine; readlink /d/l
D
build .
has '/d/f 4711 33:100 981173106'
has '/chosen 700 33:100'
has '/mine 640 0:0'
