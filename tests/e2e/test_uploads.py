"""Functions' own requests whose bodies stream: from a client through the isolate to a server."""
import hashlib
import http.client
import json
import socket
import threading

import test_bundles
from mesh import Mesh, wait_until
from test_fetch import allowing, at_loopback

PIECE = 65536
HANDLER = """
const encoder = new TextEncoder();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const post = (env, path, body, init) =>
  fetch(env.SERVER + path, { method: 'POST', body, duplex: 'half', ...init });
const of = (...parts) => new ReadableStream({ async pull(c) {
  await wait(2);
  if (parts.length === 0) c.close(); else c.enqueue(encoder.encode(parts.shift()));
} });
const endless = (seen) => new ReadableStream({
  async pull(c) { await wait(1); c.enqueue(new Uint8Array(1000)); },
  cancel(why) { seen.push(why.name); } });
const failed = async (promise) => {
  try { await promise; } catch (e) { return [e.name, e.cause?.message ?? e.message]; }
};
const routes = {
  '/pipe': (request, env) => post(env, '/sum', request.body),
  '/upper': (request, env) => post(env, '/back', request.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TransformStream({ transform(t, c) { c.enqueue(t.toUpperCase()); } }))
    .pipeThrough(new TextEncoderStream())),
  '/made': (request, env) => post(env, '/sum', of('one', 'two', 'three')),
  '/fixed': (request, env) => {
    const { readable, writable } = new FixedLengthStream(8);
    of('eight', '...').pipeTo(writable);
    return post(env, '/sum', readable);
  },
  '/short': async (request, env) => {
    const { readable, writable } = new FixedLengthStream(9);
    of('eight', '...').pipeTo(writable).catch(() => {});
    return Response.json(await failed(post(env, '/sum', readable)));
  },
  '/early': async (request, env) => {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const answer = await post(env, '/early', readable);
    await writer.write(encoder.encode(`after ${answer.status}`));
    await writer.close();
    return new Response(await answer.text());
  },
  '/refused': async (request, env) => {
    const seen = [];
    const answer = await post(env, '/refuse', endless(seen));
    for (let i = 0; i < 1000 && seen.length === 0; i++) await wait(1);
    return Response.json([answer.status, await answer.text(), seen]);
  },
  '/hangup': async (request, env) => {
    const seen = [];
    return Response.json([(await failed(post(env, '/hangup', endless(seen))))[0], seen]);
  },
  '/abort': async (request, env) => {
    const seen = [];
    return Response.json([await failed(
      post(env, '/sum', endless(seen), { signal: AbortSignal.timeout(100) })), seen]);
  },
  '/broken': async (request, env) => Response.json(await failed(post(env, '/sum',
    new ReadableStream({ async start(c) {
      c.enqueue(encoder.encode('some'));
      await wait(5);
      c.error(new Error('broken'));
    } })))),
  '/redirect': async (request, env) => {
    const to = async (status) =>
      (await failed(post(env, `/redirect/${status}`, of('x'))))?.[0] ?? 'followed';
    return Response.json(await Promise.all([301, 302, 303, 307, 308].map(to)));
  },
  '/left': async (request, env) => {
    post(env, '/sum', endless([])).catch(() => {});
    await wait(50);
    return new Response('over');
  },
  '/get': (request, env) => fetch(`${env.SERVER}/number`),
  '/cart': (request, env) => env.CART.fetch('http://cart/count',
    { method: 'POST', body: request.body, duplex: 'half' }),
};
export default {
  fetch(request, env) {
    return routes[new URL(request.url).pathname.replace('/f/f', '')](request, env);
  },
};
"""
CART = """export default { async fetch(request) {
  let bytes = 0, chunks = 0;
  for await (const chunk of request.body) { bytes += chunk.length; chunks++; }
  return Response.json({ bytes, many: chunks > 1,
    length: request.headers.get('content-length') });
} };"""


class Server:
    """Answers by the path. A `slow` one reads as many bytes as it was let(). Use `with`."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections, self.ended, self.got = 0, 0, 0
        self.room, self.may_read, self.slow = threading.Condition(), 0, False

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection, self.connections),
                             daemon=True).start()

    def serve(self, connection, number):
        try:
            with connection, connection.makefile("rb") as lines:
                while first := lines.readline():
                    headers = {}
                    while line := lines.readline().strip().decode().lower():
                        name, value = line.split(":", 1)
                        headers[name] = value.strip()
                    if not self.answer(first.split()[1].decode(), headers, lines, connection,
                                       number):
                        return
        except OSError:
            pass
        finally:
            self.ended += 1

    def answer(self, path, headers, lines, connection, number):
        """Whether the connection stays."""
        if path == "/refuse":
            say(connection, 413, b"too much", "Connection: close\r\n")
            lines.read(1)  # not to reset what is on its way
            connection.shutdown(socket.SHUT_WR)
            while lines.read(PIECE):
                pass
            return False
        if path == "/hangup":
            lines.read(10)
            return False
        if path == "/early":
            connection.sendall(b"HTTP/1.1 202 Early\r\nTransfer-Encoding: chunked\r\n\r\n"
                               b"5\r\nearly\r\n")
            body = b"".join(self.body(headers, lines))
            connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            return True
        if path == "/back":
            say(connection, 200, b"".join(self.body(headers, lines)))
            return True
        size, seen = 0, hashlib.sha256()
        for data in self.body(headers, lines):
            size += len(data)
            seen.update(data)
        if path.startswith("/redirect/"):
            say(connection, int(path[10:]), b"", "Location: /sum\r\n")
        elif path == "/number":
            say(connection, 200, str(number).encode())
        else:
            say(connection, 200, json.dumps(
                {"bytes": size, "sha256": seen.hexdigest(), "number": number,
                 "framing": [headers.get("content-length"), headers.get("transfer-encoding")]}
            ).encode())
        return True

    def body(self, headers, lines):
        if headers.get("transfer-encoding") == "chunked":
            while size := int(line_of(lines), 16):
                yield self.piece(lines, size)
                lines.readline()
            lines.readline()
            return
        left = int(headers.get("content-length", 0))
        while left > 0:
            data = self.piece(lines, min(left, PIECE))
            left -= len(data)
            yield data

    def let(self, size):
        with self.room:
            self.may_read += size
            self.room.notify_all()

    def piece(self, lines, size):
        with self.room:
            self.room.wait_for(lambda: not self.slow or self.may_read >= size)
            self.may_read -= size
        data = lines.read(size)
        if len(data) < size:
            raise ConnectionAbortedError("the body was cut")
        self.got += size
        return data


def line_of(lines):
    line = lines.readline()
    if not line:
        raise ConnectionAbortedError("the body was cut")
    return line


def say(connection, status, body, more=""):
    head = f"HTTP/1.1 {status} Said\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


def settings(server):
    return [*allowing(server), "workers.cpu_ms=20000"]


def deploy(mesh, server, functions=""):
    folder = test_bundles.folder_of(mesh, "f", index_js=HANDLER, function_toml=(
        f'name = "f"\nfetch = {json.dumps(at_loopback(server))}\n[env]\n'
        f'SERVER = "http://127.0.0.1:{server.port}"\n{functions}'))
    test_bundles.deploy(mesh, folder)


def call(mesh, path, body=None, chunked=False):
    client = http.client.HTTPConnection("127.0.0.1", mesh.gateway_port, timeout=30)
    headers = {"Transfer-Encoding": "chunked"} if chunked else {}
    client.request("GET" if body is None else "POST", f"/f/f{path}", body=body, headers=headers,
                   encode_chunked=chunked)
    answer = client.getresponse()
    data = answer.read()
    client.close()
    assert answer.status in (200, 202), (path, answer.status, data)
    return data


def asked(mesh, path, body=None, chunked=False):
    return json.loads(call(mesh, path, body, chunked))


def nothing_is_left(mesh):
    wait_until("no request goes on", lambda: mesh.metric("fetches_open") == 0)
    wait_until("no body is read any more", lambda: mesh.metric("flows_open") == 0)
    assert mesh.metric("fetch_streamed_bodies") == mesh.metric("fetch_held_bytes") == 0


def check_bodies(mesh):
    data = bytes(range(256)) * 8000
    sum_of = hashlib.sha256(data).hexdigest()
    got = asked(mesh, "/pipe", data)
    assert (got["bytes"], got["sha256"], got["framing"]) == (len(data), sum_of,
                                                             [str(len(data)), None]), got
    pieces = [data[at:at + 50000] for at in range(0, len(data), 50000)]
    got = asked(mesh, "/pipe", iter(pieces), chunked=True)
    assert (got["bytes"], got["sha256"], got["framing"]) == (len(data), sum_of,
                                                             [None, "chunked"]), got
    got = asked(mesh, "/pipe", b"small")
    assert (got["bytes"], got["framing"]) == (5, ["5", None]), got
    assert call(mesh, "/upper", b"abc" * 200000) == b"ABC" * 200000
    got = asked(mesh, "/made")
    assert (got["bytes"], got["framing"]) == (11, [None, "chunked"]), got
    got = asked(mesh, "/fixed")
    assert (got["bytes"], got["framing"]) == (8, ["8", None]), got
    assert call(mesh, "/early") == b"earlyafter 202"


def check_ends(mesh, server):
    assert asked(mesh, "/short") == ["TypeError", "Fewer than the 9 bytes of a FixedLengthStream"]
    assert asked(mesh, "/refused") == [413, "too much", ["TypeError"]]
    assert asked(mesh, "/hangup") == ["TypeError", ["TypeError"]]
    name, _ = asked(mesh, "/abort")
    assert name[0] == "TimeoutError", name
    assert asked(mesh, "/broken") == ["TypeError", "broken"]
    assert asked(mesh, "/redirect") == ["TypeError", "TypeError", "followed", "TypeError",
                                        "TypeError"]
    nothing_is_left(mesh)
    seen = server.ended
    assert call(mesh, "/left") == b"over"
    wait_until("the server sees the end", lambda: server.ended > seen)
    nothing_is_left(mesh)


def check_connections(mesh, server):
    before = server.connections
    number = asked(mesh, "/made")["number"]
    assert number == server.connections == before + 1, "a stream goes out on one of its own"
    for _ in range(3):
        call(mesh, "/get")
    assert server.connections == before + 1, "which waits for other requests, as others do"


def test_functions_stream_requests_to_the_outside(build):
    with Server() as server, Mesh(build, nodes=1, settings=settings(server)) as mesh:
        deploy(mesh, server)
        check_bodies(mesh)
        check_ends(mesh, server)
        check_connections(mesh, server)
        assert mesh.metric("fetch_streamed_bodies_total") >= 10
        # Of the three long bodies that came in and went out again; of two long answers.
        assert mesh.metric("flow_request_bytes_total") >= 2 * (2 * 2048000 + 600000)
        assert mesh.metric("flow_answer_bytes_total") >= 600000
        assert mesh.metric("fetch_sent_bytes_total") > 4000000


def test_a_server_that_reads_slowly_stops_the_client(build):
    with Server() as server, Mesh(build, nodes=1, settings=settings(server)) as mesh:
        deploy(mesh, server)
        server.slow = True
        size, sent = 64 << 20, [0]

        def pieces():
            for at in range(0, size, PIECE):
                sent[0] = at + PIECE
                yield bytes([at >> 16 & 255]) * PIECE

        answers = []
        client = threading.Thread(target=lambda: answers.append(
            asked(mesh, "/pipe", pieces(), chunked=True)), daemon=True)
        client.start()
        ahead, held, let = 0, 0, 0
        while let < size:
            last = -1
            while sent[0] != last:  # until it stands still: 20 questions later it is the same
                last = sent[0]
                held = max([held, *(mesh.metric("fetch_held_bytes") for _ in range(20))])
            ahead = max(ahead, last - server.got)
            let += 16 << 20
            server.let(16 << 20)
            wait_until("the server has read that", lambda: let - server.got < PIECE)
        client.join(30)
        assert answers and answers[0]["bytes"] == size, answers
        # Two pairs of socket buffers, the gateway's, the isolate's and the fetcher's windows.
        assert 0 < held <= PIECE + 16, held
        assert ahead <= 24 << 20, ahead
        nothing_is_left(mesh)


def test_functions_stream_requests_to_each_other(build):
    functions = '[functions]\nCART = "cart"\n'
    with Server() as server, Mesh(build, settings=settings(server)) as mesh:
        mesh.deploy("cart", CART)
        deploy(mesh, server, functions)
        data = b"x" * 3000000
        wait_until("it is found", lambda: asked(mesh, "/cart", b"x" * 10)["bytes"] == 10)
        got = asked(mesh, "/cart", iter([data[:1000000], data[1000000:]]), chunked=True)
        assert got == {"bytes": 3000000, "many": True, "length": None}, got
        got = asked(mesh, "/cart", data)
        assert got == {"bytes": 3000000, "many": True, "length": "3000000"}, got
