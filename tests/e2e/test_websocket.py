"""WebSockets, from an independent client to a handler and back."""
import random
import socket
import struct
import time

from mesh import Mesh, wait_until
from websocket_client import BINARY, CLOSE, MORE, PING, PONG, TEXT, WebSocket, close, frame

HANDLER = """
let open = 0;
const seen = [];
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const talk = {
  echo(ws) { ws.addEventListener('message', (e) => ws.send(e.data)); },
  counts(ws) {
    let n = 0;
    ws.onmessage = (e) => { ws.send(`${typeof e.data} ${e.data.byteLength ?? e.data.length}`);
      if (++n === 3) ws.close(3333, 'three'); };
  },
  greets(ws) { ws.send('hello'); },
  leaves(ws) { ws.close(); },
  flood(ws) {
    let n = 0;
    try { for (;;) { ws.send(new Uint8Array(65536)); n++; } } catch (e) {
      seen.push(`${e.name} ${n < 100}`);
    }
  },
  throws(ws) { ws.onmessage = () => { throw new Error('in a listener'); }; },
  burns(ws) { ws.onmessage = () => { for (;;) {} }; },
  works(ws) { ws.onmessage = () => { const end = Date.now() + 25; let x = 0;
    while (Date.now() < end) x++; ws.send('done'); }; },
};
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/seen') return Response.json({ open, seen });
    if (request.headers.get('upgrade') !== 'websocket')
      return new Response('expected a WebSocket', { status: 426 });
    if (pathname === '/refuse') return new Response('no', { status: 403 });
    if (pathname === '/both') {
      const [a, b] = Object.values(new WebSocketPair());
      a.accept(); b.accept();
      const got = await new Promise((resolve) => {
        b.onmessage = (e) => resolve(e.data);
        a.send('x');
      });
      return new Response(got);
    }
    const [client, server] = Object.values(new WebSocketPair());
    if (pathname === '/late') {
      (async () => { await wait(20); server.accept(); talk.echo(server); })();
    } else {
      server.accept();
      talk[pathname.slice(1)](server);
    }
    open++;
    server.addEventListener('close', (e) => {
      open--;
      seen.push(`${e.code} ${e.reason} ${e.wasClean}`);
    });
    return new Response(null, { status: 101, webSocket: client,
      headers: { 'sec-websocket-protocol': 'chat' } });
  },
};
"""


def connect(mesh, path="echo", **more):
    return WebSocket(mesh.gateway_port, f"/f/ws/{path}", **more)


def seen(mesh):
    return mesh.json("/f/ws/seen")


def echo(ws, opcode, payload):
    got = ws.receive()
    assert got == (opcode, payload), (got[0], len(got[1]), opcode, len(payload))


def random_text(rng, size):
    alphabet = "abc \u00e4\u20ac\U0001f600\u0000"
    return "".join(rng.choice(alphabet) for _ in range(size)).encode()


def fragments(rng, opcode, payload):
    """The frames of one message, with pings in between; and the pings."""
    cuts = sorted(rng.randrange(len(payload) + 1) for _ in range(rng.randrange(5)))
    frames, pings, at = [], [], 0
    for number, cut in enumerate([*cuts, len(payload)]):
        if rng.random() < 0.3:
            pings.append(bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 125]))))
            frames.append(frame(PING, pings[-1]))
        frames.append(frame(opcode if number == 0 else MORE, payload[at:cut],
                            fin=number == len(cuts)))
        at = cut
    return frames, pings


def check_conversations(mesh, rng, count):
    """`count` messages that are right, however they are cut."""
    ws = None
    for number in range(count):
        if number % 25 == 0:
            if ws:
                ws.send(close(1000, b"bye"))
                assert ws.receive() == (CLOSE, (1000, b"bye"))
                assert ws.at_end()
                ws.close()
            ws = connect(mesh)
        size = rng.choice([0, 1, 2, 124, 125, 126, 127, 128, 1000, 65534, 65535, 65536, 70000])
        opcode = rng.choice([TEXT, BINARY])
        payload = random_text(rng, size) if opcode == TEXT else rng.randbytes(size)
        frames, pings = fragments(rng, opcode, payload)
        data = b"".join(frames)
        if rng.random() < 0.2:  # in pieces of its bytes
            for at in range(0, min(len(data), 40)):
                ws.send(data[at:at + 1])
            data = data[40:]
        ws.send(data)
        got = sorted(ws.receive() for _ in range(len(pings) + 1))
        assert got == sorted([(opcode, payload), *((PONG, p) for p in pings)]), (number, size)
    ws.close()


BAD_FRAMES = [
    (1002, frame(TEXT, b"x", masked=False)),
    (1002, frame(TEXT, b"", masked=False)),
    *((1002, frame(TEXT, b"x", reserved=bits)) for bits in range(1, 8)),
    *((1002, frame(opcode, b"x")) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    (1002, frame(MORE, b"x")),
    (1002, frame(MORE, b"x", fin=False)),
    (1002, frame(TEXT, b"a", fin=False) + frame(TEXT, b"b")),
    (1002, frame(TEXT, b"a", fin=False) + frame(BINARY, b"b", fin=False)),
    (1002, frame(BINARY, b"a", fin=False) + frame(MORE, b"b") + frame(MORE, b"c")),
    *((1002, frame(opcode, b"", fin=False)) for opcode in (CLOSE, PING, PONG)),
    *((1002, frame(opcode, b"x" * 126)) for opcode in (CLOSE, PING, PONG)),
    (1002, frame(PING, b"x" * 65536)),
    (1002, frame(TEXT, b"x", length=16)), (1002, frame(TEXT, b"x", length=64)),
    (1002, frame(BINARY, b"x" * 200, length=64)),
    (1002, bytes([0x82, 0xff]) + b"\xff" * 8 + b"abcd"),
    (1009, bytes([0x82, 0xff]) + struct.pack(">Q", 1 << 20 | 1) + b"abcd"),
    (1009, bytes([0x82, 0xff]) + struct.pack(">Q", (1 << 63) - 1) + b"abcd"),
    (1009, frame(BINARY, bytes(1 << 19), fin=False) + frame(MORE, bytes(1 << 19), fin=False)
     + frame(MORE, b"x")),
    (1002, frame(CLOSE, b"\x03")),
    *((1002, close(code)) for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
                                       5000, 65535)),
]
BAD_TEXTS = [b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80",
             b"\xed\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
             b"\xf5\x80\x80\x80", b"\xff", b"\xfe", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98",
             b"a\x80b",
             b"\xe2\x28\xa1", b"\xc3\x28", b"\xf0\x28\x8c\xbc"]


def check_hostile(mesh, rng):
    cases = BAD_FRAMES + [(1007, frame(TEXT, text)) for text in BAD_TEXTS] \
        + [(1007, frame(TEXT, text[:1], fin=False) + frame(MORE, text[1:])) for text in BAD_TEXTS] \
        + [(1007, close(1000, text)) for text in BAD_TEXTS]
    for number, (code, data) in enumerate(cases):
        ws = connect(mesh)
        if rng.random() < 0.5:
            ws.send(frame(TEXT, b"before"))
            echo(ws, TEXT, b"before")
        ws.send(data)
        got = ws.receive()
        assert got[0] == CLOSE and got[1][0] == code, (number, data[:20], got)
        ws.close()
    return len(cases)


def check_closes(mesh):
    codes = [None, 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000,
             3999, 4000, 4999]
    cases = [(code, reason) for code in codes for reason in (b"", b"why", "\u00e4".encode() * 61)
             if code or not reason]
    for code, reason in cases:
        ws = connect(mesh)
        ws.send(close(code, reason), frame(TEXT, b"after"))
        assert ws.receive() == (CLOSE, (code, reason)), (code, reason)
        assert ws.at_end()
        ws.close()
    wait_until("all are closed", lambda: seen(mesh)["open"] == 0)
    assert "1000 why true" in seen(mesh)["seen"], seen(mesh)["seen"][-20:]
    assert "1005  true" in seen(mesh)["seen"], seen(mesh)["seen"][-20:]
    return len(cases)


def test_500_conversations_by_the_rules_of_rfc_6455(build):
    seed = random.SystemRandom().randrange(1 << 32)
    rng = random.Random(seed)
    with Mesh(build, nodes=1, settings=["workers.cpu_ms=2000"]) as mesh:
        mesh.deploy("ws", HANDLER)
        try:
            others = check_hostile(mesh, rng) + check_closes(mesh)
            check_conversations(mesh, rng, 500 - others)
        except (AssertionError, OSError) as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_websockets_reach_a_function_on_another_node(build):
    with Mesh(build, settings=["workers.cpu_ms=2000"]) as mesh:
        mesh.deploy("ws", HANDLER)
        ws = connect(mesh)
        here = mesh.json("/v1/ring")["node"]["id"]
        assert not here.startswith(ws.headers["x-themis-node"]), ws.headers
        for size in (0, 10, 70000):
            ws.send(frame(BINARY, b"x" * size))
            echo(ws, BINARY, b"x" * size)
        ws.send(close(1000))
        assert ws.receive() == (CLOSE, (1000, b""))
        ws.close()


def test_handlers_speak_close_and_refuse(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("ws", HANDLER)
        ws = connect(mesh, "greets")
        assert ws.headers["sec-websocket-protocol"] == "chat", ws.headers
        echo(ws, TEXT, b"hello")
        ws.close()  # without a word
        wait_until("it heard", lambda: "1006  false" in seen(mesh)["seen"])
        ws = connect(mesh, "counts")
        ws.send(frame(TEXT, "\u00e4b".encode()), frame(BINARY, b"abc"), frame(TEXT, b""))
        assert [ws.receive() for _ in range(3)] == [(TEXT, b"string 2"), (TEXT, b"object 3"),
                                                    (TEXT, b"string 0")]
        assert ws.receive() == (CLOSE, (3333, b"three"))
        assert ws.at_end()
        ws = connect(mesh, "leaves")
        assert ws.receive() == (CLOSE, (None, b""))
        ws = connect(mesh, "late")
        ws.send(frame(TEXT, b"early"))
        echo(ws, TEXT, b"early")
        assert connect(mesh, "refuse").status == 403
        assert connect(mesh, "both").status == 200
        status, _, body = mesh.get("/f/ws/echo")
        assert (status, body) == (426, b"expected a WebSocket")
        # Connection does not name it, so it is not passed on.
        assert mesh.get("/f/ws/echo", headers={"Upgrade": "websocket"})[0] == 426


def test_bad_handshakes_are_refused(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("ws", HANDLER)
        good = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        for name, value in (("Sec-WebSocket-Version", "12"), ("Sec-WebSocket-Key", "short"),
                            ("Sec-WebSocket-Key", "!" * 22 + "=="), ("Sec-WebSocket-Key", "")):
            lines = [f"{k}: {v}" for k, v in {**good, name: value}.items()]
            ws = WebSocket.__new__(WebSocket)
            ws.socket, ws.data = socket.create_connection(("127.0.0.1", mesh.gateway_port), 20), b""
            ws.send("\r\n".join(["GET /f/ws/echo HTTP/1.1", "Host: a", *lines, "", ""]).encode())
            assert b" 400 " in ws.until(b"\r\n"), (name, value)
            ws.close()


def test_limits_hold_for_websockets(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("ws", HANDLER)
        ws = connect(mesh, "flood")
        wait_until("sending threw", lambda: "RangeError true" in seen(mesh)["seen"])
        ws.close()
        ws = connect(mesh, "burns")
        ws.send(frame(TEXT, b"go"))
        got = ws.receive()
        assert got[0] == CLOSE and got[1][0] == 1011, got
        ws = connect(mesh, "works")  # each message has the CPU time of a call
        for _ in range(6):
            ws.send(frame(TEXT, b"go"))
            echo(ws, TEXT, b"done")
        ws.close()
        ws = connect(mesh, "throws")
        ws.send(frame(TEXT, b"x"), frame(PING, b"y"))
        echo(ws, PONG, b"y")  # the listener's error is logged, and that is all
        ws.send(close(1000))
        assert ws.receive() == (CLOSE, (1000, b""))


def test_a_function_has_so_many_websockets_at_once(build):
    with Mesh(build, nodes=1, settings=["workers.count=1"]) as mesh:
        mesh.deploy("ws", HANDLER)
        opened = [connect(mesh) for _ in range(128)]
        assert all(ws.status == 101 for ws in opened)
        refused = connect(mesh)
        assert refused.status == 503, refused.status
        assert mesh.metric("websockets_open") == 128
        assert mesh.metric("websockets_opened_total") == 128
        assert mesh.metric("websockets_asked_total") == 129
        wait_until("its log says so", lambda: "over 128 WebSockets of this function are open"
                   in mesh.nodes[0].log())
        opened[0].send(frame(TEXT, b"still"))
        echo(opened[0], TEXT, b"still")
        assert mesh.metric("websocket_received_bytes_total") == 5
        assert mesh.metric("websocket_sent_bytes_total") == 5
        for ws in [refused, *opened]:
            ws.close()


def test_a_client_that_floods_and_does_not_read_is_not_taken_in(build):
    with Mesh(build, nodes=1, settings=["workers.cpu_ms=2000"]) as mesh:
        mesh.deploy("ws", HANDLER)
        ws = connect(mesh)
        ws.socket.setblocking(False)
        message = frame(BINARY, bytes(60000), key=b"\0\0\0\0")
        sent, end, stuck, left = 0, time.monotonic() + 20, 0, b""
        while stuck < 200:
            assert time.monotonic() < end and sent < 200 << 20, "it takes and takes"
            try:
                left = left or message
                taken = ws.socket.send(left)
                left = left[taken:]
                sent += taken
                stuck = 0
            except BlockingIOError:
                stuck += 1
                mesh.get("/healthz")
        ws.close()
