"""Bodies that arrive and leave bit by bit, from a client's socket to the isolate and back."""
import hashlib
import http.client
import json
import os
import select
import signal
import socket
import time

from mesh import Mesh, wait_until

CHUNK = 65536

HANDLER = """
const encoder = new TextEncoder();
let cancelled = 0, aborted = 0, made = 0;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const routes = {
  // Three lines, each when the client has taken the one before.
  '/slow': () => new Response(new ReadableStream({
    async start(c) {
      for (let i = 0; i < 3; i++) { c.enqueue(encoder.encode(`line ${i}\\n`)); await wait(30); }
      c.close();
    } })),
  '/echo': (request) => new Response(request.body),
  '/upper': (request) => new Response(request.body.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TransformStream({ transform(t, c) { c.enqueue(t.toUpperCase()); } }))
    .pipeThrough(new TextEncoderStream())),
  '/count': async (request) => {
    let bytes = 0, chunks = 0;
    for await (const chunk of request.body) { bytes += chunk.length; chunks++; }
    return Response.json({ bytes, chunks });
  },
  '/first': async (request) => {
    const reader = request.body.getReader();
    const { value } = await reader.read();
    return new Response(`${value.length > 0}`);
  },
  '/ignore': () => new Response('not read'),
  '/many': (request) => {
    const size = Number(new URL(request.url).searchParams.get('bytes'));
    let left = size;
    return new Response(new ReadableStream({
      pull(c) {
        const n = Math.min(left, 30000);
        left -= n;
        made += n;
        if (n > 0) c.enqueue(new Uint8Array(n).fill(left % 251));
        else c.close();
      } }), { headers: { 'x-size': `${size}` } });
  },
  '/length': () => new Response(new ReadableStream({
    async start(c) { await wait(5); c.enqueue(encoder.encode('12345')); await wait(5);
      c.enqueue(encoder.encode('67890')); c.close(); } }), { headers: { 'content-length': '10' } }),
  '/short': () => new Response(new ReadableStream({
    async start(c) { await wait(5); c.enqueue(encoder.encode('12345')); c.close(); } }),
  { headers: { 'content-length': '10' } }),
  '/breaks': () => new Response(new ReadableStream({
    async start(c) {
      c.enqueue(encoder.encode('so far'));
      await wait(20);
      c.error(new Error('no more'));
    } })),
  '/never': () => new Response(new ReadableStream({
    start(c) { c.enqueue(encoder.encode('only this')); } })),
  '/endless': (request) => {
    request.signal.addEventListener('abort', () => { aborted++; });
    return new Response(new ReadableStream({
      async pull(c) { await wait(1); c.enqueue(new Uint8Array(1000)); },
      cancel() { cancelled++; } }));
  },
  '/hang': async (request) => {
    request.signal.addEventListener('abort', () => { aborted++; });
    await wait(20000);
    return new Response('late');
  },
  '/seen': () => Response.json({ cancelled, aborted, made }),
  '/late': (request, env, ctx) => new Response(new ReadableStream({
    async start(c) {
      await wait(5);
      c.enqueue(encoder.encode('x'));
      ctx.waitUntil((async () => { await wait(20); made = -1; })());
      c.close();
    } })),
  '/burns': () => new Response(new ReadableStream({
    async start(c) { c.enqueue(encoder.encode('x')); await wait(5); for (;;) {} } })),
};
export default {
  async fetch(request, env, ctx) {
    return routes[new URL(request.url).pathname](request, env, ctx);
  },
};
"""


class Client:
    """A connection that reads and writes bytes when the test says so."""

    def __init__(self, mesh, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", mesh.gateway_port), timeout)
        self.data = b""

    def send(self, data):
        self.socket.sendall(data)

    def head(self, method, path, *headers):
        lines = [f"{method} /f/s{path} HTTP/1.1", "Host: a", *headers, "", ""]
        self.send("\r\n".join(lines).encode())

    def until(self, mark):
        while mark not in self.data:
            more = self.socket.recv(CHUNK)
            assert more, f"closed before {mark!r}: {self.data[-200:]!r}"
            self.data += more
        return self.data

    def rest(self):
        while more := self.socket.recv(CHUNK):
            self.data += more
        return self.data

    def close(self):
        self.socket.close()


def connection(mesh):
    return http.client.HTTPConnection("127.0.0.1", mesh.gateway_port, timeout=20)


def call(mesh, path, body=None, method=None, headers=None, chunked=False):
    """(status, headers, body) of one request on a connection of its own."""
    client = connection(mesh)
    client.request(method or ("GET" if body is None else "POST"), f"/f/s{path}", body=body,
                   headers=headers or {}, encode_chunked=chunked)
    answer = client.getresponse()
    data = answer.read()
    client.close()
    return answer.status, answer.headers, data


def seen(mesh):
    status, _, body = call(mesh, "/seen")
    assert status == 200, body
    return json.loads(body)


def check_answers(mesh):
    status, headers, body = call(mesh, "/slow")
    assert (status, body) == (200, b"line 0\nline 1\nline 2\n"), (status, body)
    assert headers["transfer-encoding"] == "chunked", headers
    status, headers, body = call(mesh, "/many?bytes=3000000")
    assert len(body) == 3000000 and headers["x-size"] == "3000000", len(body)
    status, headers, body = call(mesh, "/length")
    assert (body, headers["content-length"]) == (b"1234567890", "10"), (headers, body)
    status, headers, body = call(mesh, "/many?bytes=1000")
    assert headers["content-length"] == "1000" and len(body) == 1000, headers  # whole in one turn
    status, headers, body = call(mesh, "/slow", method="HEAD")
    assert (status, body) == (200, b""), (status, body)


def check_requests(mesh):
    data = bytes(range(256)) * 8000
    status, _, body = call(mesh, "/count", data)
    assert status == 200 and b'"bytes":2048000' in body, body
    pieces = [data[at:at + 50000] for at in range(0, len(data), 50000)]
    status, _, body = call(mesh, "/count", iter(pieces), headers={"Transfer-Encoding": "chunked"},
                           chunked=True)
    assert status == 200 and b'"bytes":2048000' in body, body
    status, _, body = call(mesh, "/upper", iter([b"ab\xc3", b"\xa4c"]),
                           headers={"Transfer-Encoding": "chunked"}, chunked=True)
    assert (status, body) == (200, "ABÄC".encode()), body
    status, _, body = call(mesh, "/count", b"small")
    assert (status, body) == (200, b'{"bytes":5,"chunks":1}'), body
    status, _, body = call(mesh, "/ignore", data)
    assert (status, body) == (200, b"not read"), body
    status, _, body = call(mesh, "/first", data)
    assert (status, body) == (200, b"true"), body


def check_both_at_once(mesh):
    client = Client(mesh)
    client.head("POST", "/echo", "Transfer-Encoding: chunked")
    for i in range(5):
        part = f"part {i};".encode()
        client.send(b"%x\r\n%s\r\n" % (len(part), part))
        client.until(part)  # it came back while the request goes on
    client.send(b"0\r\n\r\n")
    client.until(b"0\r\n\r\n")
    client.data = b""
    client.head("GET", "/ignore")  # the connection stays
    client.until(b"not read")
    client.close()


def test_bodies_stream_both_ways_on_one_node(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("s", HANDLER)
        check_answers(mesh)
        check_requests(mesh)
        check_both_at_once(mesh)


def test_bodies_stream_through_the_mesh(build):
    with Mesh(build) as mesh:
        mesh.deploy("s", HANDLER)
        _, headers, _ = call(mesh, "/ignore")
        here = mesh.json("/v1/ring")["node"]["id"]
        assert not here.startswith(headers["x-themis-node"]), headers
        check_answers(mesh)
        check_requests(mesh)
        check_both_at_once(mesh)


def test_an_echo_of_30_mb_comes_back_as_it_went(build):
    with Mesh(build, nodes=1, settings=["workers.cpu_ms=10000"]) as mesh:
        mesh.deploy("s", HANDLER)
        client = Client(mesh)
        size, sent, back = 30 << 20, hashlib.sha256(), hashlib.sha256()
        client.head("POST", "/echo", f"Content-Length: {size}")
        client.socket.setblocking(False)
        left, got, unsent, head = size, 0, b"", b""
        chunks = b""
        while got is not None:
            readable, writable, _ = select.select([client.socket],
                                                  [client.socket] if left or unsent else [], [], 20)
            assert readable or writable, "stuck"
            if writable:
                if not unsent:
                    unsent = bytes([left // CHUNK % 256]) * min(CHUNK, left)
                    left -= len(unsent)
                    sent.update(unsent)
                unsent = unsent[client.socket.send(unsent):]
            if readable:
                more = client.socket.recv(CHUNK)
                assert more, "closed early"
                chunks += more
                if not head:
                    if b"\r\n\r\n" not in chunks:
                        continue
                    head, chunks = chunks.split(b"\r\n\r\n", 1)
                    assert b"chunked" in head, head
                while b"\r\n" in chunks:
                    line, rest = chunks.split(b"\r\n", 1)
                    length = int(line, 16)
                    if len(rest) < length + 2:
                        break
                    back.update(rest[:length])
                    chunks = rest[length + 2:]
                    if length == 0:
                        got = None
                        break
        assert sent.hexdigest() == back.hexdigest()
        client.close()


def test_a_client_that_does_not_read_stops_the_function(build):
    with Mesh(build, nodes=1, settings=["workers.cpu_ms=10000"]) as mesh:
        mesh.deploy("s", HANDLER)
        client = Client(mesh)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.head("GET", "/many?bytes=200000000")
        client.until(b"\r\n\r\n")
        last = -1
        end = time.monotonic() + 10
        while (made := seen(mesh)["made"]) != last:  # until it stands still
            last = made
            assert time.monotonic() < end, "it goes on and on"
            wait_until("some requests later", lambda: [seen(mesh) for _ in range(50)])
        assert made < 16 << 20, made
        client.close()


def test_a_client_that_leaves_cancels_the_stream_and_the_request(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("s", HANDLER)
        client = Client(mesh)
        client.head("GET", "/endless")
        client.until(b"\r\n\r\n")
        client.close()
        wait_until("cancelled", lambda: seen(mesh)["cancelled"] == 1 and seen(mesh)["aborted"] == 1)
        client = Client(mesh)
        client.head("GET", "/hang")
        wait_until("it runs", lambda: seen(mesh)["aborted"] == 1)
        client.close()
        wait_until("aborted", lambda: seen(mesh)["aborted"] == 2)


def test_what_ends_early_ends_the_connection(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("s", HANDLER)
        assert call(mesh, "/never")[0] == 500  # nothing can bring more, and nothing went out yet
        for path in ("/breaks", "/short", "/burns"):
            client = Client(mesh)
            client.head("GET", path)
            data = client.rest()
            assert data.startswith(b"HTTP/1.1 200"), (path, data)
            assert not data.endswith(b"0\r\n\r\n"), (path, data)
            client.close()
        status, _, body = call(mesh, "/late")
        assert (status, body) == (200, b"x")
        wait_until("waitUntil of a stream", lambda: seen(mesh)["made"] == -1)
        # HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
        client = Client(mesh)
        client.send(b"GET /f/s/slow HTTP/1.0\r\nHost: a\r\n\r\n")
        data = client.rest()
        assert data.endswith(b"line 0\nline 1\nline 2\n") and b"chunked" not in data, data


def test_hostile_request_bodies_are_refused(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("s", HANDLER)
        for bad, status in ((b"zz\r\n", b"400"), (b"5\r\nabcdefg\r\n", b"400"),
                            (b"ffffffffffffffffff\r\n", b"413")):
            client = Client(mesh)
            client.head("POST", "/count", "Transfer-Encoding: chunked")
            client.send(b"3\r\nabc\r\n")
            client.send(bad)
            data = client.rest()
            assert data.startswith(b"HTTP/1.1 " + status), (bad, data)
            client.close()
        client = Client(mesh)
        client.head("POST", "/count", "Content-Length: 2000000000")
        assert client.rest().startswith(b"HTTP/1.1 413"), client.data
        client = Client(mesh)  # leaves in the middle of its body
        client.head("POST", "/count", "Content-Length: 1000000")
        client.send(b"x" * 100000)
        client.close()
        client = Client(mesh)
        client.head("POST", "/count", "Expect: 100-continue", "Transfer-Encoding: chunked")
        client.until(b"100 Continue\r\n\r\n")
        client.send(b"3\r\nabc\r\n0\r\n\r\n")
        client.until(b'{"bytes":3')
        client.close()


def test_a_worker_that_dies_ends_its_streams(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("s", HANDLER)
        client = Client(mesh)
        client.head("GET", "/endless")
        client.until(b"\r\n\r\n")
        for worker in mesh.worker_pids(mesh.nodes[0]):  # one that streams, and one that waits
            os.kill(worker, signal.SIGKILL)
        data = client.rest()
        assert not data.endswith(b"0\r\n\r\n"), data[-100:]
        wait_until("the next worker", lambda: call(mesh, "/ignore")[0] == 200)
