"""The server that handlers fetch from: it says what it was asked, or does what the path says."""
import contextlib
import http.server
import json
import sys
import threading


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Nothing is logged."""

    def answer(self, status, body, headers=()):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def do_GET(self):  # noqa: N802  the base class calls it by this name
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size) if "transfer-encoding" not in self.headers else self.chunks()
        path = self.path.split("?")[0]
        if path.startswith("/status/"):
            self.answer(int(path.split("/")[2]), b"as asked", [("x-kind", "status")])
        elif path.startswith("/redirect/"):
            status, to = path.split("/")[2:4]
            self.answer(int(status), b"", [("location", f"/{to}?from={status}")])
        elif path == "/cookies":
            self.answer(200, b"two", [("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2")])
        elif path == "/chunks":
            self.stream()
        elif path == "/framing":
            framing = [self.headers.get(name) for name in ("content-length", "transfer-encoding")]
            said = {"method": self.command, "body": body.decode(), "framing": framing}
            self.answer(200, json.dumps(said).encode())
        elif path == "/back":
            self.answer(200, body)
        else:
            seen = {name.lower(): value for name, value in self.headers.items()
                    if name.lower().startswith(("x-", "content-type"))}
            said = {"method": self.command, "path": self.path, "headers": seen,
                    "body": body.decode()}
            self.answer(200, json.dumps(said).encode(), [("content-type", "application/json")])

    do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = do_GET  # noqa: N815

    def chunks(self):
        data = b""
        while size := self.chunk_size():
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def chunk_size(self):
        line = self.rfile.readline()
        if not line:
            raise ConnectionAbortedError("the body of a request was cut")
        return int(line, 16)

    def stream(self):
        self.send_response_only(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in (b"one,", b"two,", b"three"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # which a client that leaves is
            super().handle_error(request, client_address)


@contextlib.contextmanager
def origin():
    """Serves on a free port of loopback; gives its http://HOST:PORT."""
    server = Server(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
