#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A cache mount keeps its content between builds and steps with the same id, and is in no layer.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox AS a
ARG N
RUN --mount=type=cache,id=shared,target=/cache echo from-a $N >>/cache/log
FROM busybox
ARG N
COPY --from=a /etc/hosts /
RUN --mount=type=cache,id=shared,target=/other : $N; echo from-b >>/other/log; cat /other/log; echo lines=$(wc -l </other/log)
RUN echo in-layer: $(ls -A /cache /other 2>/dev/null)
D
build -t cached .
ran from-a && ran lines=2
build --build-arg N=2 -t cached .
ran lines=4
rootfs cached
! grep -rqs from-a "$T/rootfs" || die "the cache's content is in the image"

# Another owner, mode or beginning is another cache; the same ones are the same. A relative target is an id as written.
cat >Dockerfile <<'D'
FROM busybox AS begin
RUN mkdir -p /begin/sub && echo begun >/begin/f
FROM busybox
RUN --mount=type=cache,id=kinds,target=/c touch /c/plain && mkdir /c/sub && echo part >/c/sub/f
USER 1000
RUN --mount=type=cache,id=kinds,target=/c,uid=1000 touch /c/owned && echo owned: $(ls /c)
RUN --mount=type=cache,id=kinds,target=/c,uid=1000,gid=0,mode=755 echo same: $(ls /c)
USER 0
RUN --mount=type=cache,id=kinds,target=/c,mode=700 echo mode: $(stat -c %a /c) $(ls /c)
RUN --mount=type=cache,id=kinds,target=/c,from=begin,source=/begin touch /c/more && echo from: $(ls /c)
RUN --mount=type=cache,id=kinds,target=/c echo plain: $(ls /c)
RUN --mount=type=cache,id=kinds,target=/c,source=sub echo part: $(cat /c/f)
WORKDIR /one
RUN --mount=type=cache,target=relative touch relative/kept
WORKDIR /two
RUN --mount=type=cache,target=./relative/ echo relative: $(ls relative)
D
build .
ran 'owned: owned$' && ran 'same: owned$' && ran 'mode: 700$' && ran 'from: f more sub$' && ran 'plain: plain sub$'
ran 'part: part$' && ran 'relative: kept$'
printf 'FROM busybox\nRUN --mount=type=cache,id=new,target=/c,source=none true\n' >Dockerfile
fails + build .
has '"/none": not found in the source of the mount'
printf 'FROM busybox\nRUN --mount=type=tmpfs,target=/c,source=none true\n' >Dockerfile
fails 2 build .
has "a tmpfs is empty and has no source 'none'"
