# SPDX-License-Identifier: Apache-2.0
"""A registry in memory whose answers a test can spoil, and a starter for shale-fetch."""
import hashlib
import http.server
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import threading
import urllib.parse


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    """Blobs, manifests and uploads by name; `spoil(handler)` returns True when it has answered instead of us."""

    def __init__(self):
        self.blobs, self.manifests, self.uploads = {}, {}, {}
        self.requests = []  # (method, path, headers in lower case)
        self.sent = 0
        self.puts = 0
        self.spoil = lambda handler: False
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            registry = outer

            def log_message(self, *args):
                pass

            def handle(self):
                try:
                    super().handle()
                except (ConnectionError, ValueError):
                    pass

            def serve(self):
                headers = {k.lower(): v for k, v in self.headers.items()}
                with outer.lock:
                    outer.requests.append((self.command, self.path, headers))
                if not outer.spoil(self):
                    outer.answer(self, headers)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = serve

            def reply(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                if status not in (204, 304):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                    outer.sent += len(body)

            def reset(self):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.wfile.flush()
                self.connection.close()
                raise ConnectionError

            def truncated(self, status, body, cut, **headers):
                """Announces all of the body and sends a part of it."""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:cut])
                self.wfile.flush()
                outer.sent += cut
                self.connection.shutdown(socket.SHUT_WR)
                self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add_image(self, repository, layers, tag="latest", **changes):
        config = json.dumps({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(b"tar" + x) for x in layers]}}).encode()
        for data in [config, *layers]:
            self.blobs[digest(data)] = data
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config),
                       "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(x), "size": len(x)}
                       for x in layers]}
        manifest.update(changes)
        text = json.dumps(manifest).encode()
        self.manifests[repository, tag] = self.manifests[repository, digest(text)] = (manifest["mediaType"], text)
        return f"{self.host}/{repository}:{tag}"

    def part(self, headers, data):
        """(status, body, headers) for a request that may have a Range."""
        wanted = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if not wanted:
            return 200, data, {}
        start = int(wanted[1])
        return 206, data[start:], {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}

    def answer(self, h, headers):
        path, _, query = h.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        body = h.rfile.read(int(headers.get("content-length", 0))) if h.command in ("POST", "PUT", "PATCH") else b""
        if m := re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", path):
            if h.command == "PUT":
                self.manifests[m[1], m[2]] = (headers["content-type"], body)
                return h.reply(201)
            if (m[1], m[2]) not in self.manifests:
                return h.reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
            media_type, text = self.manifests[m[1], m[2]]
            return h.reply(200, text, Content_Type=media_type)
        if m := re.fullmatch(r"/v2/(.+)/blobs/uploads/", path):
            name = f"/upload/{len(self.uploads)}"
            self.uploads[name] = b""
            return h.reply(202, Location=name)
        if m := re.fullmatch(r"/upload/\d+", path):
            if path not in self.uploads:
                return h.reply(404)
            if h.command == "GET":
                have = len(self.uploads[path])
                return h.reply(204, Location=path, Range=f"0-{max(have - 1, 0)}")
            self.uploads[path] += body
            if h.command == "PATCH":
                return h.reply(202, Location=path)
            self.puts += 1
            data = self.uploads.pop(path)
            if digest(data) != query["digest"]:
                return h.reply(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}')
            self.blobs[query["digest"]] = data
            return h.reply(201)
        if m := re.fullmatch(r"/v2/.+/blobs/(sha256:[0-9a-f]{64})", path):
            if m[1] not in self.blobs:
                return h.reply(404)
            status, part, more = self.part(headers, self.blobs[m[1]])
            return h.reply(status, part, **more)
        return h.reply(404)


class Fetch:
    """Runs shale-fetch and sorts its events."""

    program = ""

    def __init__(self, command, spec, env=None):
        network = {"first_wait_ms": 10, "longest_wait_ms": 2000, "stall_timeout_s": 1}
        network.update(spec.pop("network", {}))
        spec["network"] = network
        clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        clean.update(env or {})
        read, write = os.pipe()
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(spec).encode())
            file.flush()
            file.seek(0)
            # sh puts the descriptors on the numbers that the helper knows.
            process = subprocess.Popen(
                ["/bin/sh", "-c", f'exec 3<&{file.fileno()} 4>&{write}; exec "$0" "$1"', self.program, command],
                pass_fds=(file.fileno(), write), env=clean, stderr=subprocess.PIPE)
        os.close(write)
        with os.fdopen(read) as lines:
            self.text = lines.read()
        self.stderr = process.communicate()[1].decode()
        self.status = process.returncode
        self.events = [json.loads(line) for line in self.text.splitlines()]
        last = self.events[-1] if self.events else {}
        self.done = last if last.get("type") == "done" else None
        self.error = json.loads(last["error"]) if last.get("type") == "error" else None

    def of(self, kind):
        return [event for event in self.events if event["type"] == kind]
