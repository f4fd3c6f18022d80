"""Sends one request of the corpus and takes down the answer."""
import contextlib
import http.client
import socket

from compare import Answer
import websocket_client as ws

HOST = "corpus.test"  # what both are told that they are called
TIMEOUT_S = 20


def taken_down(status, pairs, body, problem=""):
    headers = {}
    for name, value in pairs:
        name = name.lower()
        between = "\n" if name == "set-cookie" else ", "
        headers[name] = headers[name] + between + value if name in headers else value
    return Answer(status, headers, body, problem)


def written(request, path):
    """The request as bytes: in one piece, so that who answers early has it all the same."""
    lines = [f"{request.method} {path} HTTP/1.1", f"Host: {HOST}",
             *(f"{name}: {value}" for name, value in request.headers)]
    body = request.body or b""
    if request.chunks:
        lines.append("Transfer-Encoding: chunked")
        size = max(1, -(-len(body) // request.chunks))
        parts = [body[at:at + size] for at in range(0, len(body), size)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    elif request.body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(place, request):
    """The Answer of whoever listens at `place` (port, start of the path)."""
    port, prefix = place
    if request.messages is not None:
        return converse(port, prefix + request.path, request)
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            with contextlib.suppress(BrokenPipeError):  # it may answer before it has all
                connection.sendall(written(request, prefix + request.path))
            answer = http.client.HTTPResponse(connection, method=request.method)
            answer.begin()
            return read(answer)
    except (OSError, http.client.HTTPException) as error:
        return taken_down(0, [], b"", f"no answer: {type(error).__name__}")


def read(answer):
    pairs = answer.getheaders()
    try:
        return taken_down(answer.status, pairs, answer.read())
    except http.client.IncompleteRead as cut:
        return taken_down(answer.status, pairs, cut.partial, "the body ends early")


def converse(port, path, request):
    """Sends each message and waits for one back; a null closes. The body tells what came."""
    headers = [f"{name}: {value}" for name, value in request.headers]
    client = ws.WebSocket(port, path, headers, TIMEOUT_S)
    told = []
    try:
        if client.status != 101:
            return taken_down(client.status, [], b"")
        for message in request.messages:
            client.send(ws.close(1000, b"bye") if message is None
                        else ws.frame(ws.TEXT, message.encode()) if isinstance(message, str)
                        else ws.frame(ws.BINARY, bytes(message)))
            kind, payload = client.receive()
            told.append(f"{kind} {payload!r}")
        kept = [(name, value) for name, value in client.headers.items()
                if not name.startswith("sec-websocket-accept")]
        return taken_down(client.status, kept, "\n".join(told).encode())
    except (OSError, AssertionError) as error:
        return taken_down(client.status, [], "\n".join(told).encode(), type(error).__name__)
    finally:
        client.close()
