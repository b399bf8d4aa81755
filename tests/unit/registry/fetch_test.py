# SPDX-License-Identifier: Apache-2.0
"""shale-fetch against a registry that misbehaves. Usage: fetch_test.py SHALE-FETCH [unittest arguments]"""
import base64
import json
import os
import random
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fault_registry import Fetch, Registry, digest  # noqa: E402

NOT_FOUND, NETWORK, REGISTRY, CORRUPT, USAGE = 2, 5, 6, 9, 0  # ErrorKind
BLOB = random.Random(1).randbytes(3 << 20)
PATH = f"/blobs/{digest(BLOB)}"


class Base(unittest.TestCase):
    def setUp(self):
        self.registry = Registry()
        self.addCleanup(self.registry.close)
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)
        self.blobs = os.path.join(self.temp.name, "sha256")
        os.mkdir(self.blobs)
        self.image = self.registry.add_image("a/b", [BLOB])

    def pull(self, reference=None, env=None, **spec):
        spec = {"reference": reference or self.image, "platform": "linux/amd64", "blob_directory": self.blobs, **spec}
        return Fetch("pull", spec, env)

    def assertPulled(self, fetch):
        self.assertIsNone(fetch.error)
        self.assertIsNotNone(fetch.done)
        with open(os.path.join(self.blobs, digest(BLOB)[7:]), "rb") as file:
            self.assertEqual(file.read(), BLOB)

    def assertRefused(self, fetch, kind, text=""):
        self.assertIsNotNone(fetch.error, fetch.text[:500])
        self.assertEqual(fetch.error["kind"], kind, fetch.error)
        self.assertIn(text, json.dumps(fetch.error, ensure_ascii=False))
        self.assertEqual(fetch.status, 1)
        # Wrong or partial bytes have no name, and nothing else is left.
        for name in os.listdir(self.blobs):
            with open(os.path.join(self.blobs, name), "rb") as file:
                self.assertEqual(digest(file.read()), "sha256:" + name)
        self.assertEqual(os.listdir(self.temp.name), ["sha256"])

    def spoil_blob(self, times, action):
        """action(handler, n) for the first `times` requests of the blob."""
        count = [0]

        def spoil(handler):
            if not handler.path.endswith(PATH) or count[0] >= times:
                return False
            count[0] += 1
            return action(handler, count[0]) is not False
        self.registry.spoil = spoil
        return count


class Pull(Base):
    def test_a_clean_pull_reads_each_byte_once(self):
        fetch = self.pull()
        self.assertPulled(fetch)
        self.assertEqual([e["existed"] for e in fetch.of("blob")], [False])
        self.assertLess(self.registry.sent, len(BLOB) + 4096)
        fetch = self.pull()
        self.assertEqual([e["existed"] for e in fetch.of("blob")], [True])

    def test_a_break_at_any_byte_is_resumed_there(self):
        for cut in [0, 1, 16383, 16384, 1 << 20, (1 << 20) + 1, len(BLOB) - 1, *random.Random(2).sample(range(len(BLOB)), 13)]:
            with self.subTest(cut=cut):
                for name in os.listdir(self.blobs):
                    os.unlink(os.path.join(self.blobs, name))
                self.registry.sent = 0
                self.spoil_blob(1, lambda h, n: h.truncated(200, BLOB, cut))
                self.assertPulled(self.pull())
                self.assertLess(self.registry.sent, len(BLOB) + 4096)

    def test_many_breaks_with_progress_do_not_use_up_the_tries(self):
        big = random.Random(3).randbytes(24 << 20)
        image = self.registry.add_image("big/one", [big])

        def spoil(h):
            if not h.path.endswith(digest(big)):
                return False
            status, part, more = self.registry.part({k.lower(): v for k, v in h.headers.items()}, big)
            h.truncated(status, part, min(len(part), (1 << 20) + 5000), **more)
            return True
        self.registry.spoil = spoil
        fetch = self.pull(image)
        self.assertIsNone(fetch.error)
        self.assertEqual(os.listdir(self.blobs), [digest(big)[7:]])

    def test_breaks_without_progress_end(self):
        self.spoil_blob(99, lambda h, n: h.truncated(200, BLOB, 0))
        self.assertRefused(self.pull(), NETWORK, "after 5 tries")

    def test_a_reset_connection_is_resumed(self):
        def action(h, n):
            h.send_response(200)
            h.send_header("Content-Length", str(len(BLOB)))
            h.end_headers()
            h.wfile.write(BLOB[:100000])
            h.reset()
        self.spoil_blob(2, action)
        self.assertPulled(self.pull())

    def test_a_stalled_server_is_left(self):
        def action(h, n):
            h.send_response(200)
            h.send_header("Content-Length", str(len(BLOB)))
            h.end_headers()
            h.wfile.write(BLOB[:1000])
            time.sleep(8)
            h.close_connection = True
        self.spoil_blob(1, action)
        begin = time.monotonic()
        self.assertPulled(self.pull())
        self.assertLess(time.monotonic() - begin, 6)

    def test_wrong_bytes_once_are_fetched_again(self):
        self.spoil_blob(1, lambda h, n: h.reply(200, b"x" * len(BLOB)))
        self.assertPulled(self.pull())

    def test_wrong_bytes_twice_are_refused(self):
        count = self.spoil_blob(99, lambda h, n: h.reply(200, b"x" * len(BLOB)))
        self.assertRefused(self.pull(), CORRUPT, "twice")
        self.assertEqual(count[0], 2)

    def test_an_endless_blob_is_cut_at_its_size(self):
        self.spoil_blob(99, lambda h, n: h.reply(200, BLOB + b"x" * (64 << 20)))
        self.assertRefused(self.pull(), CORRUPT, "longer than")

    def test_another_part_than_asked_for_is_not_used(self):
        def action(h, n):
            if n == 1:
                return h.truncated(200, BLOB, 50000)
            return h.reply(206, BLOB[7:], Content_Range=f"bytes 7-{len(BLOB) - 1}/{len(BLOB)}")
        self.spoil_blob(2, action)
        self.assertPulled(self.pull())

    def test_a_server_without_ranges_costs_at_most_twice_the_bytes(self):
        def action(h, n):
            return h.truncated(200, BLOB, 2 << 20) if n == 1 else h.reply(200, BLOB)
        self.spoil_blob(2, action)
        self.assertPulled(self.pull())
        self.assertLess(self.registry.sent, 2 * len(BLOB))

    def test_a_server_that_never_gets_further_is_given_up(self):
        # It knows no ranges, so that every try begins again: megabytes that come twice are no progress.
        count = self.spoil_blob(40, lambda h, n: h.truncated(200, BLOB, 2 << 20))
        self.assertRefused(self.pull(), NETWORK, "tries")
        self.assertLess(count[0], 20)

    def test_416_starts_again(self):
        def action(h, n):
            return h.truncated(200, BLOB, 50000) if n == 1 else h.reply(416)
        self.spoil_blob(2, action)
        self.assertPulled(self.pull())

    def test_a_blob_that_changes_under_a_resume_is_fetched_whole(self):
        self.spoil_blob(1, lambda h, n: h.truncated(200, b"y" * len(BLOB), 100000))
        self.assertPulled(self.pull())

    def test_a_failed_layer_leaves_the_others_for_the_next_run(self):
        layers = [random.Random(i).randbytes(1000 + i) for i in range(20)]
        image = self.registry.add_image("many/layers", layers)
        self.registry.spoil = lambda h: h.path.endswith(digest(layers[19])) and h.reply(403) is None
        self.assertRefused(self.pull(image), REGISTRY, "403")
        self.assertGreaterEqual(len(os.listdir(self.blobs)), 13)
        self.registry.spoil = lambda h: False
        fetch = self.pull(image)
        self.assertIsNone(fetch.error)
        self.assertGreaterEqual(sum(e["existed"] for e in fetch.of("blob")), 13)
        self.assertEqual(len(os.listdir(self.blobs)), 20)


class Answers(Base):
    def spoil_manifest(self, times, **reply):
        count = [0]

        def spoil(h):
            if "/manifests/" not in h.path or count[0] >= times:
                return False
            count[0] += 1
            h.reply(**reply)
            return True
        self.registry.spoil = spoil
        return count

    def test_503_passes(self):
        count = self.spoil_manifest(3, status=503)
        self.assertPulled(self.pull())
        self.assertEqual(count[0], 3)

    def test_503_for_ever_lists_the_answers(self):
        count = self.spoil_manifest(99, status=503)
        self.assertRefused(self.pull(), REGISTRY, "after 5 tries")
        self.assertEqual(count[0], 5)

    def test_retry_after_is_obeyed(self):
        self.spoil_manifest(1, status=429, Retry_After="1")
        begin = time.monotonic()
        self.assertPulled(self.pull())
        self.assertGreater(time.monotonic() - begin, 1)

    def test_an_absurd_retry_after_is_an_error_that_says_when(self):
        count = self.spoil_manifest(9, status=429, Retry_After="1000000000")
        self.assertRefused(self.pull(), REGISTRY, "1000000000 s")
        self.assertEqual(count[0], 1)

    def test_403_and_404_are_not_repeated(self):
        for status, kind in [(403, REGISTRY), (404, NOT_FOUND), (410, REGISTRY), (426, REGISTRY)]:
            count = self.spoil_manifest(9, status=status)
            self.assertRefused(self.pull(), kind, str(status))
            self.assertEqual(count[0], 1)

    def test_a_manifest_of_another_digest_is_refused(self):
        name = self.image.split(":latest")[0] + "@sha256:" + "0" * 64
        self.registry.manifests["a/b", "sha256:" + "0" * 64] = self.registry.manifests["a/b", "latest"]
        self.assertRefused(self.pull(name), CORRUPT, "twice")

    def test_a_large_manifest_is_refused(self):
        self.spoil_manifest(9, status=200, body=b" " * (5 << 20))
        self.assertRefused(self.pull(), CORRUPT, "more than 4194304 bytes")

    def test_an_index_without_the_platform_lists_what_there_is(self):
        entry = {"digest": digest(b""), "size": 1, "platform": {"os": "linux", "architecture": "s390x"}}
        text = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        self.registry.manifests["a/b", "idx"] = ("application/vnd.oci.image.index.v1+json", text)
        self.assertRefused(self.pull(f"{self.registry.host}/a/b:idx"), NOT_FOUND, "linux/s390x")

    def test_a_chain_of_indexes_ends(self):
        inner = self.registry.manifests["a/b", "latest"][1]
        for _ in range(8):
            entry = {"digest": digest(inner), "size": len(inner), "platform": {"os": "linux", "architecture": "amd64"}}
            inner = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
            self.registry.manifests["a/b", digest(inner)] = ("application/vnd.oci.image.index.v1+json", inner)
        self.assertRefused(self.pull(f"{self.registry.host}/a/b@{digest(inner)}"), CORRUPT, "indexes within indexes")

    def test_too_many_headers_are_refused(self):
        self.spoil_manifest(9, status=200, **{f"X_{i}": "y" for i in range(1000)})
        self.assertRefused(self.pull(), NETWORK, "header fields")

    def test_nobody_there(self):
        self.assertRefused(self.pull("127.0.0.1:1/x"), NETWORK, "127.0.0.1")


class Logins(Base):
    USER = base64.b64encode(b"me:secret-password").decode()

    def setUp(self):
        super().setUp()
        self.tokens = 0
        self.lifetime = 10**9  # requests that a token is good for
        self.uses = 0
        self.realm = f"http://{self.registry.host}/token"
        self.registry.spoil = self.guard

    def guard(self, h):
        if h.path.startswith("/token"):
            self.tokens += 1
            self.uses = 0
            h.reply(200, json.dumps({"token": f"signed-token-{self.tokens}"}).encode())
            return True
        self.uses += 1
        if h.headers.get("Authorization") == f"Bearer signed-token-{self.tokens}" and self.uses <= self.lifetime:
            return False
        h.reply(401, WWW_Authenticate=f'Bearer realm="{self.realm}",service="s v",scope="repository:x:*"')
        return True

    def config(self, **content):
        home = tempfile.mkdtemp(dir="/tmp", prefix="shale-login-")
        self.addCleanup(lambda: shutil.rmtree(home))
        with open(os.path.join(home, "config.json"), "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            json.dump(content, file)
        return {"DOCKER_CONFIG": home}

    def test_a_token_is_fetched_for_our_own_scope(self):
        self.assertPulled(self.pull())
        self.assertEqual(self.tokens, 1)
        path = next(p for _, p, _ in self.registry.requests if p.startswith("/token"))
        self.assertEqual(path, "/token?service=s%20v&scope=repository%3Aa%2Fb%3Apull")

    def test_an_expired_token_is_renewed_silently(self):
        self.lifetime = 2
        self.assertPulled(self.pull())
        self.assertGreaterEqual(self.tokens, 2)

    def test_the_login_goes_to_the_token_server(self):
        self.assertPulled(self.pull(env=self.config(auths={self.registry.host: {"auth": self.USER}})))
        for _, path, headers in self.registry.requests:
            expected = f"Basic {self.USER}" if path.startswith("/token") else None
            if expected:
                self.assertEqual(headers.get("authorization"), expected)
            else:
                self.assertNotIn(self.USER, headers.get("authorization", ""))

    def test_bad_realms_are_refused_and_get_nothing(self):
        for realm in ["file:///etc/passwd", "http://registry.invalid/token", "", "http://u:p@127.0.0.1/t", "x" * 9000]:
            self.realm = realm
            fetch = self.pull(env=self.config(auths={self.registry.host: {"auth": self.USER}}))
            self.assertRefused(fetch, REGISTRY, "token from")
            self.assertNotIn("u:p", fetch.text)

    def test_a_refused_token_is_not_asked_for_again_and_again(self):
        self.lifetime = 0
        self.assertRefused(self.pull(), REGISTRY, "shale login")
        self.assertLessEqual(self.tokens, 2)

    def test_bad_tokens_are_refused(self):
        for body in [b"<html>", b"{}", b'{"token":1}', b'{"token":"a","access_token":"b"}', b'{"token":"a\\r\\nX: y"}',
                     b" " * (2 << 20)]:
            self.registry.spoil = lambda h, b=body: (h.path.startswith("/token") and h.reply(200, b) is None) or (
                h.reply(401, WWW_Authenticate=f'Bearer realm="{self.realm}"') is None)
            fetch = self.pull()
            self.assertIsNotNone(fetch.error, body[:30])
            self.assertIsNone(fetch.done)

    def test_basic(self):
        def spoil(h):
            if h.headers.get("Authorization") == f"Basic {self.USER}":
                return False
            h.reply(401, WWW_Authenticate='Basic realm="x"')
            return True
        self.registry.spoil = spoil
        self.assertPulled(self.pull(env=self.config(auths={f"https://{self.registry.host}/v2/": {"auth": self.USER}})))
        self.assertRefused(self.pull(want_layers=False), REGISTRY, "shale login")

    def test_a_redirect_target_sees_no_credential_and_may_not_ask_for_one(self):
        other = Registry()
        self.addCleanup(other.close)
        other.blobs = self.registry.blobs

        def spoil(h):
            if self.guard(h):
                return True
            if PATH in h.path:
                h.reply(307, Location=f"http://localhost:{other.port}{h.path}?X-Amz-Signature=SIGNED")
                return True
            return False
        self.registry.spoil = spoil
        fetch = self.pull(env=self.config(auths={self.registry.host: {"auth": self.USER}}))
        self.assertPulled(fetch)
        self.assertTrue(other.requests)
        for _, _, headers in other.requests:
            self.assertNotIn("authorization", headers)
        os.unlink(os.path.join(self.blobs, digest(BLOB)[7:]))

        other.spoil = lambda h: h.reply(401, WWW_Authenticate='Bearer realm="https://registry.invalid/"') is None
        before = self.tokens
        fetch = self.pull(env=self.config(auths={self.registry.host: {"auth": self.USER}}))
        self.assertRefused(fetch, REGISTRY, "401")
        self.assertEqual(self.tokens, before + 1)
        for secret in ["SIGNED", "secret-password", "signed-token", self.USER]:
            self.assertNotIn(secret, fetch.text + fetch.stderr)

    def test_a_redirect_target_cannot_ask_for_the_login(self):
        other = Registry()
        self.addCleanup(other.close)
        other.spoil = lambda h: h.reply(401, WWW_Authenticate=f'Bearer realm="http://{other.host}/token"') is None
        self.registry.spoil = lambda h: PATH in h.path and h.reply(307, Location=f"http://{other.host}{h.path}") is None
        self.assertRefused(self.pull(env=self.config(auths={self.registry.host: {"auth": self.USER}})), REGISTRY, "401")
        self.assertEqual([path for _, path, _ in other.requests if path.startswith("/token")], [])

    def test_redirects_end(self):
        self.registry.spoil = lambda h: h.reply(302, Location=h.path + "x") is None
        self.assertRefused(self.pull(), NETWORK, "more than 10 times")
        for where in ["file:///etc/passwd", "gopher://x/", "", "http://user:pw@127.0.0.1/"]:
            self.registry.spoil = lambda h, w=where: h.reply(302, Location=w) is None
            fetch = self.pull()
            self.assertIsNotNone(fetch.error)
            self.assertNotIn("user:pw", fetch.text)

    def helper(self, name, script):
        directory = tempfile.mkdtemp(dir="/tmp", prefix="shale-helper-")
        self.addCleanup(lambda: shutil.rmtree(directory))
        with open(os.path.join(directory, name), "w", opener=lambda p, f: os.open(p, f, 0o755)) as file:
            file.write("#!/bin/sh\n" + script)
        return {"PATH": directory + ":" + os.environ["PATH"]}

    def test_a_credential_helper_is_asked(self):
        script = 'read -r key; [ "$1" = get ] || exit 9; printf \'{"Username":"me","Secret":"secret-password"}\'\n'
        env = {**self.helper("docker-credential-mine", script), **self.config(credsStore="mine")}
        self.assertPulled(self.pull(env=env))
        token = next(h for _, p, h in self.registry.requests if p.startswith("/token"))
        self.assertEqual(token["authorization"], f"Basic {self.USER}")

    def test_a_helper_that_knows_nothing_means_anonymous(self):
        env = {**self.helper("docker-credential-mine", "echo credentials not found in native keychain; exit 1\n"),
               **self.config(credHelpers={self.registry.host: "mine"})}
        self.assertPulled(self.pull(env=env))

    def test_a_helper_that_fails_is_quoted_but_for_what_may_be_secret(self):
        env = self.config(credsStore="mine")
        fetch = self.pull(env={**self.helper("docker-credential-mine", "echo the keyring is locked; exit 1\n"), **env})
        self.assertIn("the keyring is locked", fetch.text)
        answer = 'printf \'{"Username":"me","Secret":"secret-password"}\'; exit 1\n'
        fetch = self.pull(env={**self.helper("docker-credential-mine", answer), **env})
        self.assertIsNotNone(fetch.error)
        self.assertNotIn("secret-password", fetch.text)

    def test_a_helper_that_does_not_end_is_believed(self):
        script = 'printf \'{"Username":"me","Secret":"secret-password"}\'; exec >&-; exec sleep 60\n'
        env = {**self.helper("docker-credential-mine", script), **self.config(credsStore="mine")}
        self.assertPulled(self.pull(env=env))

    def test_a_helper_name_is_never_a_path(self):
        for name in ["../../tmp/x", "a/b", "", "a b", "x;y"]:
            fetch = self.pull(env=self.config(credHelpers={self.registry.host: name}))
            self.assertRefused(fetch, USAGE, "credential helper name")

    def test_a_helper_that_floods_or_lies_is_stopped(self):
        for script in ["yes\n", "echo '[1]'\n", "printf 'x%s' secret-password; exit 0\n"]:
            env = {**self.helper("docker-credential-mine", script), **self.config(credsStore="mine")}
            fetch = self.pull(env=env)
            self.assertIsNotNone(fetch.error)
            self.assertNotIn("secret-password", fetch.text)


class Mirrors(Base):
    def test_a_mirror_answers_for_its_registry(self):
        fetch = self.pull("registry.invalid/b", env={"SHALE_REGISTRY_MIRRORS": f"registry.invalid={self.registry.host}/a"})
        self.assertPulled(fetch)
        self.assertEqual(fetch.of("resolved")[0]["source"], f"mirror {self.registry.host}")

    def test_the_registry_is_asked_when_the_mirror_has_nothing(self):
        empty = Registry()
        self.addCleanup(empty.close)
        for mirror in [empty.host, "127.0.0.1:1"]:
            fetch = self.pull(env={"SHALE_REGISTRY_MIRRORS": f"{self.registry.host}={mirror}"}, want_layers=False)
            self.assertEqual(fetch.of("resolved")[0]["source"], self.registry.host)

    def test_a_mirror_may_not_answer_with_something_else(self):
        evil = Registry()
        self.addCleanup(evil.close)
        evil.add_image("a/b", [b"evil"])
        evil.manifests["a/b", digest(self.registry.manifests["a/b", "latest"][1])] = evil.manifests["a/b", "latest"]
        pinned = f"{self.registry.host}/a/b@{digest(self.registry.manifests['a/b', 'latest'][1])}"
        fetch = self.pull(pinned, env={"SHALE_REGISTRY_MIRRORS": f"{self.registry.host}={evil.host}"})
        self.assertPulled(fetch)
        self.assertEqual(fetch.of("resolved")[0]["source"], self.registry.host)


@unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificate")
class Tls(Base):
    def setUp(self):
        super().setUp()
        self.keys = tempfile.TemporaryDirectory()
        self.addCleanup(self.keys.cleanup)
        self.certificate, key = (os.path.join(self.keys.name, name) for name in ("cert.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
                        self.certificate, "-days", "2", "-subj", "/CN=test", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.registry.server.socket = context.wrap_socket(self.registry.server.socket, server_side=True)

    def test_an_unknown_certificate_is_refused_and_plain_http_not_tried(self):
        self.assertRefused(self.pull(), NETWORK, "trusted authorities")
        self.assertEqual(self.registry.requests, [])

    def test_a_bundle_or_the_word_insecure_makes_it_trusted(self):
        for variable in ["SSL_CERT_FILE", "CURL_CA_BUNDLE"]:
            self.assertPulled(self.pull(env={variable: self.certificate}))
        self.assertPulled(self.pull(network={"insecure": [self.registry.host]}))

    def test_authorities_of_one_host_lie_in_certs_d(self):
        directory = os.path.join(self.keys.name, ".config/containers/certs.d", self.registry.host)
        os.makedirs(directory)
        shutil.copy(self.certificate, os.path.join(directory, "ca.crt"))
        self.assertPulled(self.pull(env={"HOME": self.keys.name}))

    def test_the_name_must_be_that_of_the_certificate(self):
        fetch = self.pull(f"localhost:{self.registry.port}/a/b", env={"SSL_CERT_FILE": self.certificate})
        self.assertRefused(fetch, NETWORK, "trusted authorities")

    def test_a_redirect_never_leaves_encryption(self):
        other = Registry()
        self.addCleanup(other.close)
        self.registry.spoil = lambda h: PATH in h.path and h.reply(307, Location=f"http://{other.host}/x") is None
        self.assertRefused(self.pull(env={"SSL_CERT_FILE": self.certificate}), NETWORK, "not encrypted")
        self.assertEqual(other.requests, [])


class Push(Base):
    def push(self, content=BLOB, **more):
        path = os.path.join(self.temp.name, "blob")
        with open(path, "wb") as file:
            file.write(content)
        media_type, manifest = self.registry.manifests["a/b", "latest"]
        spec = {"reference": f"{self.registry.host}/new/one:1", "more_tags": ["two"],
                "manifest": {"json": manifest.decode(), "media_type": media_type},
                "blobs": [{"digest": digest(BLOB), "size": len(BLOB), "path": path}], **more}
        self.registry.blobs.pop(digest(BLOB))
        return Fetch("push", spec)

    def assertPushed(self, fetch):
        self.assertIsNone(fetch.error)
        self.assertEqual(self.registry.blobs.get(digest(BLOB)), BLOB)
        manifest = self.registry.manifests["a/b", "latest"]
        self.assertEqual(self.registry.manifests["new/one", "1"], manifest)
        self.assertEqual(self.registry.manifests["new/one", "two"], manifest)
        self.assertEqual(fetch.done["digest"], digest(manifest[1]))

    def spoil_upload(self, times, action):
        count = [0]

        def spoil(h):
            if h.command not in ("PUT", "PATCH") or not h.path.startswith("/upload/") or count[0] >= times:
                return False
            count[0] += 1
            return action(h) is not False
        self.registry.spoil = spoil
        return count

    def test_a_clean_push_sends_the_blob_once(self):
        self.assertPushed(self.push())
        self.assertEqual(self.registry.puts, 1)

    def test_a_broken_upload_goes_on_where_the_registry_is(self):
        def action(h):
            self.registry.uploads[h.path.partition("?")[0]] += h.rfile.read(1 << 20)
            h.reset()
        self.spoil_upload(1, action)
        self.assertPushed(self.push())
        self.assertEqual(self.registry.puts, 1)
        ranges = [h["content-range"] for m, _, h in self.registry.requests if m == "PATCH"]
        self.assertEqual(ranges, [f"{1 << 20}-{len(BLOB) - 1}"])

    def test_a_lost_session_begins_again(self):
        def action(h):
            h.rfile.read(1000)
            self.registry.uploads.pop(h.path.partition("?")[0])
            h.reset()
        self.spoil_upload(1, action)
        self.assertPushed(self.push())

    def test_an_answer_lost_after_it_worked_is_no_second_upload(self):
        def action(h):
            data = h.rfile.read(len(BLOB))
            self.registry.uploads.pop(h.path.partition("?")[0])
            self.registry.blobs[digest(data)] = data
            h.reset()
        count = self.spoil_upload(9, action)
        self.assertPushed(self.push())
        self.assertEqual(count[0], 1)

    def test_a_registry_that_keeps_nothing_is_given_up(self):
        def action(h):
            h.rfile.read(len(BLOB) - 1000)
            h.reset()
        count = self.spoil_upload(40, action)
        fetch = self.push()
        self.assertIsNotNone(fetch.error)
        self.assertEqual(fetch.error["kind"], NETWORK)
        self.assertLess(count[0], 20)

    def test_a_damaged_file_is_named_also_when_a_challenge_came_between(self):
        def action(h):
            if h.headers.get("Authorization"):
                return False
            h.rfile.read(int(h.headers["Content-Length"]))
            h.reply(401, WWW_Authenticate=f'Bearer realm="http://{self.registry.host}/token"')
        uploads = self.spoil_upload(9, action)
        spoil = self.registry.spoil

        def with_token(h):
            if h.path.startswith("/token"):
                h.reply(200, b'{"token":"tok"}')
                return True
            return spoil(h)
        self.registry.spoil = with_token
        fetch = self.push(b"z" * len(BLOB))
        self.assertEqual(uploads[0], 2)
        self.assertEqual(fetch.error["kind"], CORRUPT)

    def test_429_waits(self):
        def action(h):
            h.rfile.read(int(h.headers["Content-Length"]))
            h.reply(429, Retry_After="1")
        self.spoil_upload(1, action)
        self.assertPushed(self.push())

    def test_a_damaged_file_is_named(self):
        fetch = self.push(b"z" * len(BLOB))
        self.assertEqual(fetch.error["kind"], CORRUPT)
        self.assertIn("not what its digest says", fetch.error["message"])
        self.assertNotIn(("new/one", "1"), self.registry.manifests)

    def test_an_upload_elsewhere_gets_no_credential(self):
        other = Registry()
        self.addCleanup(other.close)
        other.uploads["/upload/0"] = b""
        other.blobs = self.registry.blobs

        def spoil(h):
            if h.headers.get("Authorization") != "Bearer tok":
                if h.path.startswith("/token"):
                    h.reply(200, b'{"token":"tok"}')
                else:
                    h.reply(401, WWW_Authenticate=f'Bearer realm="http://{self.registry.host}/token"')
                return True
            if h.command == "POST":
                h.reply(202, Location=f"http://localhost:{other.port}/upload/0?sig=SIGNED")
                return True
            return False
        self.registry.spoil = spoil
        self.assertPushed(self.push())
        self.assertTrue(other.requests)
        for _, path, headers in other.requests:
            self.assertNotIn("authorization", headers)
            self.assertIn("sig=SIGNED&digest=", path)


class Get(Base):
    def get(self, path, **spec):
        self.file = os.path.join(self.temp.name, "file")
        return Fetch("get", {"url": f"http://{self.registry.host}{path}", "destination": self.file, **spec})

    def serve(self, **more):
        def spoil(h):
            if h.headers.get("If-None-Match") == '"e1"':
                return h.reply(304, ETag='"e1"') is None
            headers = {k.lower(): v for k, v in h.headers.items()}
            status, part, extra = self.registry.part(headers, BLOB)
            return h.reply(status, part, ETag='"e1"', Last_Modified="Sun, 06 Nov 1994 08:49:37 GMT",
                           Content_Type="text/x", **extra) is None
        self.registry.spoil = spoil

    def content(self):
        with open(self.file, "rb") as file:
            return file.read()

    def test_a_file_with_what_is_known_about_it(self):
        self.serve()
        fetch = self.get("/f")
        self.assertEqual(fetch.done, {"type": "done", "status": 200, "digest": digest(BLOB), "size": len(BLOB),
                                      "etag": '"e1"', "content_type": "text/x", "last_modified": 784111777})
        self.assertEqual(self.content(), BLOB)

    def test_an_unchanged_file_is_not_fetched(self):
        self.serve()
        fetch = self.get("/f", etag='"e1"')
        self.assertEqual(fetch.done["status"], 304)
        self.assertFalse(os.path.exists(self.file))

    def test_a_wrong_checksum_touches_nothing(self):
        self.serve()
        self.file = os.path.join(self.temp.name, "file")
        with open(self.file, "w") as file:
            file.write("old")
        fetch = self.get("/f", checksum=digest(b"other"))
        self.assertEqual(fetch.error["kind"], CORRUPT)
        self.assertEqual(self.content(), b"old")

    def test_a_break_is_resumed_by_the_strong_etag(self):
        self.serve()
        inner, first = self.registry.spoil, [True]

        def spoil(h):
            if first[0]:
                first[0] = False
                h.truncated(200, BLOB, 2 << 20, ETag='"e1"')
                return True
            return inner(h)
        self.registry.spoil = spoil
        self.assertIsNotNone(self.get("/f").done)
        self.assertEqual(self.content(), BLOB)
        self.assertEqual(self.registry.requests[-1][2]["if-range"], '"e1"')

    def test_a_part_of_the_rest_is_not_the_end(self):
        """RFC 9110, 15.3.7: a server may send less than the range that was asked for."""
        self.serve()
        piece = 400_000

        def spoil(h):
            start = int(h.headers.get("Range", "bytes=0-")[6:-1])
            if start == 0:
                h.truncated(200, BLOB, 2 << 20, ETag='"e1"')
                return True
            part = BLOB[start:start + piece]
            return h.reply(206, part, ETag='"e1"',
                           Content_Range=f"bytes {start}-{start + len(part) - 1}/{len(BLOB)}") is None
        self.registry.spoil = spoil
        self.assertEqual(self.get("/f").done["size"], len(BLOB))
        self.assertEqual(self.content(), BLOB)

    def test_a_part_of_nobody_knows_how_much_is_not_used(self):
        self.serve()

        def spoil(h):
            if len(self.registry.requests) == 1:
                h.truncated(200, BLOB, 2 << 20, ETag='"e1"')
                return True
            if "Range" not in h.headers:
                return h.reply(200, BLOB, ETag='"e1"') is None
            start = int(h.headers["Range"][6:-1])
            return h.reply(206, BLOB[start:start + 9], ETag='"e1"', Content_Range=f"bytes {start}-{start + 8}/*") is None
        self.registry.spoil = spoil
        self.assertEqual(self.get("/f").done["size"], len(BLOB))
        self.assertEqual(self.content(), BLOB)

    def test_headers_stay_with_their_origin(self):
        other = Registry()
        self.addCleanup(other.close)
        other.spoil = lambda h: h.reply(200, b"content") is None
        self.registry.spoil = lambda h: h.reply(302, Location=f"http://localhost:{other.port}/x") is None
        self.assertIsNotNone(self.get("/f", headers=["Authorization: Bearer SECRET"]).done)
        self.assertEqual(self.registry.requests[0][2]["authorization"], "Bearer SECRET")
        self.assertNotIn("authorization", other.requests[0][2])

    def test_errors_do_not_show_queries(self):
        fetch = self.get("/missing?token=SECRET")
        self.assertEqual(fetch.error["kind"], NOT_FOUND)
        self.assertIn("/missing?…", fetch.error["message"])
        self.assertNotIn("SECRET", fetch.text)

    def test_a_limit_holds(self):
        self.serve()
        self.assertIn("larger than 1000 bytes", self.get("/f", max_bytes=1000).error["message"])
        self.assertFalse(os.path.exists(self.file))


if __name__ == "__main__":
    Fetch.program = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
