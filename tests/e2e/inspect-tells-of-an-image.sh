#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `inspect` and `history` say of an image what docker's do; `--format` takes docker's templates, `--filter` its filters.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'EOF'
FROM busybox:latest
ENV GREETING="hello world"
LABEL org.example.stage=test
RUN echo 12345 >/five
EXPOSE 80
ENTRYPOINT ["/bin/echo"]
CMD ["hi"]
EOF
build -t app:1 -t team/app:2 .
id=$(shale images -q --no-trunc app:1)

shale inspect app:1 | jq -e --arg id "$id" '.[0] | .Id == $id and .RepoTags == ["app:1", "team/app:2"] and
  .Config.Cmd == ["hi"] and .Config.Entrypoint == ["/bin/echo"] and .Config.ExposedPorts == {"80/tcp": {}} and
  .Config.Labels == {"org.example.stage": "test"} and (.Config.Volumes // {}) == {} and .Os == "linux" and .Size > 0 and
  (.RootFS.Layers | length) == 2' >"$OUT" || die "$(shale inspect app:1)"
same "$(shale image inspect -f '{{index .Config.Labels "org.example.stage"}} {{.Config.Entrypoint}}' "$id")" 'test [/bin/echo]'
has GREETING="hello world" <(shale inspect --format='{{range .Config.Env}}{{println .}}{{end}}' app:1)
# One that is missing does not hide the others.
fails 1 shale inspect app:1 nothing:1 >"$OUT" 2>&1
has nothing:1; has '"Id"'

shale history app:1 >"$OUT"
same "$(awk 'NR == 2 { print $1 }' "$OUT")" "$(shale images -q app:1)"
same "$(shale history --format '{{.CreatedBy}}|{{.Size}}' app:1 | head -1)" 'CMD ["hi"]|0B'
same "$(shale history --human=false --no-trunc --format '{{.Size}} {{.CreatedBy}}' app:1 | sed -n 4p)" \
  '6 RUN /bin/sh -c echo 12345 >/five # buildkit'

same "$(shale images --format '{{.Repository}}:{{.Tag}}' --filter label=org.example.stage | sort)" $'app:1\nteam/app:2'
same "$(shale images --format '{{.Tag}}' 'team/*')" 2
build --no-cache --label again=1 -t app:1 .
build --label again=2 -t app:1 .
same "$(shale images -q -f dangling=true | wc -l)" 1
shale images -q -f dangling=true | xargs "$E2E_SHALE" rmi >"$OUT"
same "$(shale images -q -f dangling=true)" ''

fails 2 shale inspect -f '{{.Idd}}' app:1 >"$OUT" 2>&1
has "did you mean 'Id'?"
