"""Sends one request of the corpus and takes down the answer."""
import http.client

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


def send(connection, request, path):
    connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", HOST)
    for name, value in request.headers:
        connection.putheader(name, value.encode() if isinstance(value, str) else value)
    if request.body is None:
        return connection.endheaders()
    if not request.chunks:
        connection.putheader("Content-Length", str(len(request.body)))
        return connection.endheaders(request.body)
    connection.putheader("Transfer-Encoding", "chunked")
    size = max(1, -(-len(request.body) // request.chunks))
    parts = [request.body[at:at + size] for at in range(0, len(request.body), size)]
    return connection.endheaders(iter(parts), encode_chunked=True)


def ask(place, request):
    """The Answer of whoever listens at `place` (port, start of the path)."""
    port, prefix = place
    if request.messages is not None:
        return converse(port, prefix + request.path, request)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        send(connection, request, prefix + request.path)
        answer = connection.getresponse()
        pairs = answer.getheaders()
        try:
            return taken_down(answer.status, pairs, answer.read())
        except http.client.IncompleteRead as cut:
            return taken_down(answer.status, pairs, cut.partial, "the body ends early")
        except ConnectionError:
            return taken_down(answer.status, pairs, b"", "the body ends early")
    except (OSError, http.client.HTTPException) as error:
        return taken_down(0, [], b"", f"no answer: {type(error).__name__}")
    finally:
        connection.close()


def converse(port, path, request):
    """Sends each message and waits for one back; a null closes. The body tells what came."""
    headers = [f"{name}: {value}" for name, value in request.headers]
    socket = ws.WebSocket(port, path, headers, TIMEOUT_S)
    told = []
    try:
        if socket.status != 101:
            return taken_down(socket.status, [], b"")
        for message in request.messages:
            socket.send(ws.close(1000, b"bye") if message is None
                        else ws.frame(ws.TEXT, message.encode()) if isinstance(message, str)
                        else ws.frame(ws.BINARY, bytes(message)))
            kind, payload = socket.receive()
            told.append(f"{kind} {payload!r}")
        kept = [(name, value) for name, value in socket.headers.items()
                if not name.startswith("sec-websocket-accept")]
        return taken_down(socket.status, kept, "\n".join(told).encode())
    except (OSError, AssertionError) as error:
        return taken_down(socket.status, [], "\n".join(told).encode(), type(error).__name__)
    finally:
        socket.close()
