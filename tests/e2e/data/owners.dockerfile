# Every way in which files get, keep, change and lose an owner; each step checks what the ones before left.
FROM busybox AS made
RUN echo app:x:33:44::/home/app:/bin/sh >>/etc/passwd && echo app:x:44: >>/etc/group && mkdir /home/app && chown 33:44 /home/app
USER app
WORKDIR /home/app
# Names that come and go: what is linked and unlinked, moved, replaced, and made without a name.
RUN echo 1 >tmp && ln tmp kept && rm tmp && echo 2 >a && ln a b && mkdir -p deep/er && echo 3 >deep/er/file && mv deep moved && \
    ln -s kept soft && mkfifo pipe && chmod 4750 a
FROM busybox
COPY --from=made /home/app /app
RUN test "$(cd /app && stat -c '%n %u:%g %a' a b kept moved moved/er/file soft pipe | tr '\n' ' ')" = \
    'a 33:44 4750 b 33:44 4750 kept 33:44 644 moved 33:44 755 moved/er/file 33:44 644 soft 33:44 777 pipe 33:44 644 '
COPY --from=made --chown=7:8 --chmod=640 /home/app/kept /chowned
# The same name, but not the same file: nothing is left of the owner before.
RUN rm /app/kept /app/soft && echo new >/app/kept && ln -s kept /app/soft && test "$(stat -c %u /app/kept /app/soft | tr '\n' ' ')" = '0 0 '
# Nothing but the owner changes.
RUN chown 1:2 /app/moved/er/file && chown -h 3:4 /app/soft && chown 0:0 /app/pipe && chown 6:7 / && chmod 711 /
RUN echo more >>/app/moved/er/file && mv /app/moved /app/again
RUN test "$(cd /app && stat -c '%n %u:%g' again/er/file soft pipe a b / | tr '\n' ' ')" = \
    'again/er/file 1:2 soft 3:4 pipe 0:0 a 33:44 b 33:44 / 6:7 '
WORKDIR /made/here
RUN --mount=type=bind,from=made,target=/m --mount=type=cache,uid=11,gid=12,target=/app/again \
    --mount=type=secret,id=s,uid=13,target=/run/s --mount=type=tmpfs,target=/t \
    test "$(stat -c %u:%g /m/home/app/a /app/again /run/s / | tr '\n' ' ')" = '33:44 11:12 13:0 6:7 ' && touch /app/again/er && \
    cp -a /m/home/app /own && touch /t/file && chown 5:5 /t/file && test "$(stat -c %u /t/file)" = 5
# As another user, who may write to what is its own only.
USER 33:44
RUN cd /own && echo mine >>kept && ! touch /root/file 2>/dev/null && test "$(stat -c %u kept)" = 33
