# Shale in an image. The store is a volume: overlayfs, which is the fastest, does not work on a container's own files.
FROM scratch AS plain
ADD root.tar /
# $container says that this is one, as systemd's containers do: where nothing else is allowed, builds may use a chroot.
ENV PATH=/usr/local/bin:/bin SHALE_ROOT=/var/lib/shale/store container=oci
VOLUME /var/lib/shale
ENTRYPOINT ["shale"]

FROM plain AS shell
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENTRYPOINT []
CMD ["/bin/sh"]
