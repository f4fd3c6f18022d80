"""Outward requests of functions: to loopback servers of the test, which the config allows."""
import contextlib
import gzip
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading

import test_bundles
from mesh import Mesh, wait_until

HANDLER = """
export default {
  async fetch(request) {
    const { url, init, how } = await request.json();
    if (init?.timeout) init.signal = AbortSignal.timeout(init.timeout);
    if (init?.stream) {
      const { readable, writable } = new FixedLengthStream(init.stream);
      new Blob([new Uint8Array(init.stream)]).stream().pipeTo(writable);
      init.body = readable;
    }
    try {
      const r = await fetch(url, init);
      if (how === 'pass') return r;
      if (how === 'count') {
        let bytes = 0;
        for await (const chunk of r.body) bytes += chunk.length;
        return Response.json({ bytes });
      }
      return Response.json({ status: r.status, url: r.url, redirected: r.redirected,
        headers: [...r.headers], text: await r.text() });
    } catch (e) {
      return Response.json({ error: `${e.name}: ${e.message}` });
    }
  },
};
"""


class Server:
    """An HTTP server on loopback that notes what it was asked. Use `with`."""

    def __init__(self, context=None):
        outer = self
        self.asked, self.closed = [], 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", headers=()):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):  # pylint: disable=too-many-return-statements
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                if self.path.startswith("/to?"):
                    return self.answer(302, b"moved", [("Location", self.path[4:])])
                if self.path == "/gzip":
                    return self.answer(200, gzip.compress(b"squeezed"),
                                       [("Content-Encoding", "gzip")])
                if self.path == "/hang":
                    with contextlib.suppress(OSError):
                        self.connection.recv(1)
                    outer.closed += 1
                    return None
                if self.path == "/short":
                    self.send_response(200)
                    self.send_header("Content-Length", "100")
                    self.end_headers()
                    return self.wfile.write(b"too little")
                if self.path == "/garbage":
                    return self.wfile.write(b"this is no HTTP\r\n\r\n")
                if self.path.startswith("/bytes?"):
                    self.send_response(200)
                    self.end_headers()
                    left = int(self.path[7:])
                    with contextlib.suppress(OSError):
                        while left > 0:
                            left -= self.wfile.write(b"x" * min(left, 65536))
                    outer.closed += left > 0
                    return None
                if self.path.startswith("/sized?"):
                    return self.answer(200, b"x" * int(self.path[7:]))
                if self.path.startswith("/status?"):
                    return self.answer(int(self.path[8:]), b"")
                return self.answer(200, b"hello " + body, [("X-Path", self.path)])
            do_POST = do_PUT = do_HEAD = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.at = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class KeepingServer:
    """Answers each request on a connection that it keeps, with the connection's number; after
    /last it ends it without saying so."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections, self.ended = 0, threading.Semaphore(0)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(connection, self.connections),
                                 daemon=True).start()

    def serve(self, connection, number):
        with connection, connection.makefile("rb") as lines:
            while first := lines.readline():
                length = 0
                while (line := lines.readline().strip().lower()):
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                lines.read(length)
                body = str(number).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                                   % (len(body), body))
                if b"/last" in first:
                    break
        self.ended.release()


def deploy(mesh, *hosts, source=HANDLER):
    """`hosts`: what the function's manifest names."""
    folder = test_bundles.folder_of(mesh, "f", index_js=source, function_toml=(
        f'name = "f"\nfetch = {json.dumps(hosts)}\n'))
    test_bundles.deploy(mesh, folder)


def at_loopback(*servers):
    return [f"127.0.0.1:{s.port}" for s in servers]


def ask(mesh, url, init=None, how=None, name="f"):
    status, _, body = mesh.post(f"/f/{name}", json.dumps({"url": url, "init": init,
                                                          "how": how}).encode())
    assert status == 200, (status, body)
    return body if how == "pass" else json.loads(body)


def allowing(*servers, hosts=None):
    names = hosts or at_loopback(*servers)
    return [f"workers.fetch={','.join(names)}",
            f"workers.fetch_private={','.join(at_loopback(*servers))}"]


def check_answers(mesh, server):
    got = ask(mesh, f"{server.at}/a?b=1", {"method": "POST", "body": "there",
                                           "headers": {"X-A": "1", "Host": "evil"}})
    assert (got["status"], got["text"]) == (200, "hello there"), got
    assert got["url"] == f"{server.at}/a?b=1" and ["x-path", "/a?b=1"] in got["headers"], got
    method, path, headers, body = server.asked[-1]
    assert (method, path, body) == ("POST", "/a?b=1", b"there"), server.asked[-1]
    assert headers["Host"] == f"127.0.0.1:{server.port}", headers
    assert {k.lower(): v for k, v in headers.items()}["x-a"] == "1", headers
    assert ask(mesh, f"{server.at}/gzip")["text"] == "squeezed"
    assert ask(mesh, f"{server.at}/x", {"method": "HEAD"})["text"] == ""
    assert ask(mesh, f"{server.at}/status?204")["status"] == 204
    assert ask(mesh, f"{server.at}/status?503")["status"] == 503
    assert ask(mesh, f"{server.at}/bytes?5000000", how="count") == {"bytes": 5000000}
    assert ask(mesh, f"{server.at}/bytes?3000000", how="pass") == b"x" * 3000000
    got = ask(mesh, f"{server.at}/to?/to?/end")
    assert (got["text"], got["redirected"]) == ("hello ", True), got
    got = ask(mesh, f"{server.at}/to?/end", {"redirect": "manual"})
    assert (got["status"], got["text"]) == (302, "moved"), got


def check_refusals(mesh, server, other):
    got = ask(mesh, f"{server.at}/to?{other.at}/x")["error"]
    assert "denied" in got and str(other.port) in got and not other.asked, got
    for url in ("http://example.org/", "http://127.0.0.1/", f"http://localhost:{server.port}/",
                "http://169.254.169.254/latest/meta-data/"):
        got = ask(mesh, url)["error"]
        assert got.startswith("TypeError: fetch: denied"), (url, got)
    assert "unavailable" in ask(mesh, f"{server.at}/short")["error"]
    assert "malformed" in ask(mesh, f"{server.at}/garbage")["error"]
    got = ask(mesh, f"{server.at}/hang", {"timeout": 200})["error"]
    assert got.startswith("TimeoutError"), got


def test_requests_that_may_run_twice_share_connections(build):
    server = KeepingServer()
    with Mesh(build, nodes=1, settings=allowing(server)) as mesh:
        deploy(mesh, *at_loopback(server))
        at = f"http://127.0.0.1:{server.port}"
        assert [ask(mesh, f"{at}/{n}")["text"] for n in range(4)] == ["1"] * 4
        assert ask(mesh, at, {"method": "POST", "body": "x"})["text"] == "2", "it runs once"
        assert ask(mesh, at, {"method": "HEAD"})["status"] == 200
        assert ask(mesh, f"{at}/last")["text"] == "3", "the body of a HEAD was no answer"
        server.ended.acquire(timeout=20)
        assert ask(mesh, f"{at}/next")["text"] == "4"
    server.listener.close()


def test_functions_fetch_what_the_config_allows_and_nothing_else(build):
    with Server() as server, Server() as other, \
            Mesh(build, nodes=1, settings=[*allowing(server), "workers.cpu_ms=5000"]) as mesh:
        deploy(mesh, *at_loopback(server, other), "example.org", "127.0.0.1", "169.254.169.254",
               f"localhost:{server.port}")
        check_answers(mesh, server)
        check_refusals(mesh, server, other)
        assert mesh.metric("fetches_total") >= len(server.asked)
        assert mesh.metric("fetches_open") <= 8  # of bodies that nobody reads
        for name in ("fetches_denied_total", "fetches_failed_total", "fetch_sent_bytes_total",
                     "fetch_received_bytes_total"):
            assert mesh.metric(name) > 0, name


def test_fetch_is_off_by_default(build):
    with Server() as server, Mesh(build, nodes=1) as mesh:
        deploy(mesh, *at_loopback(server))
        assert ask(mesh, server.at)["error"].startswith("TypeError: fetch: denied")
        assert not server.asked


def test_functions_fetch_what_their_manifests_name_and_nothing_else(build):
    with Server() as server, Server() as other, \
            Mesh(build, nodes=1, settings=allowing(server, other)) as mesh:
        deploy(mesh, *at_loopback(server))
        mesh.deploy("bare", HANDLER)
        assert ask(mesh, server.at)["text"] == "hello "
        assert "its manifest and workers.fetch must both name it" in ask(mesh, other.at)["error"]
        assert "denied" in ask(mesh, f"{server.at}/to?{other.at}/x")["error"]
        assert "denied" in ask(mesh, server.at, name="bare")["error"], "it has no manifest"
        assert not other.asked


def test_addresses_are_checked_and_not_names(build):
    with Server() as server, \
            Mesh(build, nodes=1, settings=["workers.fetch=*,localhost:" + str(server.port)
                                           + f",*.localhost:{server.port},127.0.0.1:{server.port}"
                                           + f",2130706433:{server.port},[::1]:{server.port}"
                                           + f",[::ffff:7f00:1]:{server.port}"
                                           ]) as mesh:
        deploy(mesh, *(f"{host}:{server.port}" for host in (
            "localhost", "*.localhost", "127.0.0.1", "2130706433", "[::1]", "[::ffff:7f00:1]")))
        for host in ("localhost", "127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]",
                     "[::ffff:127.0.0.1]", socket.gethostname()):
            got = ask(mesh, f"http://{host}:{server.port}/")["error"]
            assert "denied" in got or "not_found" in got, (host, got)
        assert not server.asked, server.asked


def test_an_allowed_name_at_an_allowed_address_is_reached(build):
    with Server() as server, Mesh(build, nodes=1, settings=[
            f"workers.fetch=localhost:{server.port}",
            f"workers.fetch_private=127.0.0.1:{server.port}"]) as mesh:
        deploy(mesh, f"localhost:{server.port}")
        assert ask(mesh, f"http://localhost:{server.port}/")["text"] == "hello "
        assert server.asked[-1][2]["Host"] == f"localhost:{server.port}"


def test_a_body_that_is_not_read_is_not_fetched(build):
    source = """export default { async fetch(request) {
      const r = await fetch(await request.text());
      await r.body.getReader().read();
      return new Response('enough');
    } };"""
    with Server() as server, Mesh(build, nodes=1, settings=allowing(server)) as mesh:
        deploy(mesh, *at_loopback(server), source=source)
        status, _, body = mesh.post("/f/f", f"{server.at}/bytes?1000000000".encode())
        assert (status, body) == (200, b"enough"), (status, body)
        wait_until("the server saw the end", lambda: server.closed == 1)


def test_one_function_does_not_take_the_others_way_out(build):
    source = """export default { async fetch(request) {
      const url = await request.text();
      const ask = async () => { try {
        return (await fetch(url, { signal: AbortSignal.timeout(1000) })).status;
      } catch (e) { return e.message.includes('overloaded') ? 'overloaded' : e.name; } };
      const all = await Promise.all(Array.from({ length: 70 }, ask));
      const count = (what) => all.filter((one) => one === what).length;
      return Response.json({ over: count('overloaded'), late: count('TimeoutError') });
    } };"""
    with Server() as server, \
            Mesh(build, nodes=1, settings=[*allowing(server), "workers.cpu_ms=5000"]) as mesh:
        greedy = test_bundles.folder_of(mesh, "greedy", index_js=source, function_toml=(
            f"fetch = {json.dumps(at_loopback(server))}\n"))
        test_bundles.deploy(mesh, greedy)
        deploy(mesh, *at_loopback(server))
        _, _, body = mesh.post("/f/greedy", f"{server.at}/hang".encode())
        assert json.loads(body) == {"over": 6, "late": 64}, body
        assert ask(mesh, server.at)["text"] == "hello "


def test_https_checks_certificates(build):
    with Mesh(build, nodes=1) as probe:
        folder = probe.folder
        key, certificate = folder / "key.pem", folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=t", "-addext",
                        "subjectAltName=IP:127.0.0.1,DNS:localhost"],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with Server(context) as server:
            settings = allowing(server)
            with Mesh(build, nodes=1, settings=settings) as mesh:
                deploy(mesh, *at_loopback(server))
                got = ask(mesh, f"{server.at}/")["error"]
                assert "forged" in got, got
                assert not server.asked
            os.environ["SSL_CERT_FILE"] = str(certificate)
            try:
                with Mesh(build, nodes=1, settings=[*settings, "workers.cpu_ms=5000"]) as mesh:
                    deploy(mesh, *at_loopback(server))
                    assert ask(mesh, f"{server.at}/", {"method": "PUT", "body": "you"})["text"] \
                        == "hello you"
                    got = ask(mesh, f"{server.at}/", {"method": "PUT", "stream": 3000000}, "count")
                    assert got == {"bytes": 3000006}, got
                    got = ask(mesh, f"{server.at}/sized?3000000", how="count")
                    assert got == {"bytes": 3000000}, got
                    # A body without length that ends without TLS's last word may have been cut.
                    got = ask(mesh, f"{server.at}/bytes?1000", how="count")
                    assert "ended the connection early" in got["error"], got
            finally:
                del os.environ["SSL_CERT_FILE"]
