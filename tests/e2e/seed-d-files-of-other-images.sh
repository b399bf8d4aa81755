#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY --from takes a file of a registry's image, then of a local one by name and by id, with relative names.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
hub nginx-alpine=nginx:latest alpine:latest
cat >Dockerfile <<'D'
FROM alpine
COPY --from=nginx:latest /etc/nginx/nginx.conf /nginx.conf
RUN grep -c worker_ /nginx.conf; stat -c '%a %u' /nginx.conf
D
build -t sampleapp:latest --iidfile "$T/id" .
ran '644 0'
mkdir -p home/user/app; echo '{"a":1}' >home/user/app/config.json
printf 'FROM alpine\nCOPY home /home\n' | build -t sampleapp:latest --iidfile "$T/id" -f - .
printf 'FROM alpine\nWORKDIR /srv\nCOPY --from=%s home/user/app/config.json app/config.json\nRUN cat /srv/app/config.json\n' sampleapp:latest >Dockerfile
build .
ran '{"a":1}'
sed -i "s|--from=[^ ]*|--from=$(cat "$T/id")|" Dockerfile
build -o "$T/out" .
has "COPY --from=$(cat "$T/id")"
same "$(cat "$T/out/srv/app/config.json")" '{"a":1}'
same "$(cached)" 3 # the same files, whatever the image is called
