# SPDX-License-Identifier: Apache-2.0
"""Tar archives byte by byte, so that they can say what no archiver would write."""

BLOCK = 512


def header(name, kind="0", *, link="", **options):
    """A header, with an extended one before it if a name is too long for it."""
    long = {key: value for key, value in (("path", name), ("linkpath", link)) if len(value) > 100}
    if long:
        name, link = name if "path" not in long else "long", link if "linkpath" not in long else "long"
    return (extended(long) if long else b"") + plain_header(name, kind, link=link, **options)


def plain_header(name, kind="0", size=0, mode=0o644, uid=0, gid=0, link="", mtime=0, device=(0, 0), raw_size=None, raw_uid=None):
    def text(value, width):
        data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
        assert len(data) <= width, (name, width)
        return data.ljust(width, b"\0")

    def octal(value, width):
        return b"%0*o\0" % (width - 1, value)

    data = b"".join([
        text(name, 100), octal(mode, 8), raw_uid or octal(uid, 8), octal(gid, 8), raw_size or octal(size, 12),
        octal(mtime, 12), b" " * 8, kind.encode(), text(link, 100), b"ustar\00000", text("", 32), text("", 32),
        octal(device[0], 8), octal(device[1], 8), text("", 155)]).ljust(BLOCK, b"\0")
    return data[:148] + b"%06o\0 " % sum(data) + data[156:]


def padded(data):
    return data + b"\0" * (-len(data) % BLOCK)


def record(key, value):
    """One line of an extended header: "length key=value\\n", where the length counts itself."""
    body = key.encode() + b"=" + (value if isinstance(value, bytes) else value.encode()) + b"\n"
    length = len(body) + 2
    while len(str(length)) + 1 + len(body) != length:
        length = len(str(length)) + 1 + len(body)
    return b"%d " % length + body


def extended(records, kind="x"):
    """An extended header with records, or with any bytes."""
    data = records if isinstance(records, bytes) else b"".join(record(k, v) for k, v in records.items())
    return plain_header("PaxHeaders/x", kind, len(data)) + padded(data)


def file(name, data=b"x", **options):
    return header(name, "0", size=len(data), **options) + padded(data)


def directory(name, mode=0o755, **options):
    return header(name, "5", mode=mode, **options)


def symlink(name, target, **options):
    return header(name, "2", link=target, **options)


def hardlink(name, target, **options):
    return header(name, "1", link=target, **options)


def long_name(name, kind="L"):
    data = name.encode() + b"\0"
    return plain_header("././@LongLink", kind, len(data)) + padded(data)


def archive(*entries):
    return b"".join(entries) + b"\0" * 2 * BLOCK
