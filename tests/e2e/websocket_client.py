"""A WebSocket client of our own, written from RFC 6455: it can do right, and wrong on purpose."""
import base64
import hashlib
import os
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG, MORE = 1, 2, 8, 9, 10, 0
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", fin=True, masked=True, reserved=0, length=None, key=None):
    """One frame; `length`: how many bytes the length takes (7, 16, 64 bits), shortest if None."""
    size = len(payload)
    bits = length or (7 if size < 126 else 16 if size < 65536 else 64)
    second = size if bits == 7 else 126 if bits == 16 else 127
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode, (0x80 if masked else 0) | second])
    head += b"" if bits == 7 else struct.pack(">H" if bits == 16 else ">Q", size)
    if not masked:
        return head + payload
    key = os.urandom(4) if key is None else key
    pad = (key * (size // 4 + 1))[:size]
    masked_payload = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(
        size, "big")
    return head + key + masked_payload


def close(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason)


class WebSocket:
    """A connection; messages come back as (opcode, payload), a close as (CLOSE, (code, reason))."""

    def __init__(self, port, path, headers=(), timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.data = b""
        key = base64.b64encode(os.urandom(16))
        lines = [f"GET {path} HTTP/1.1", "Host: a", "Upgrade: websocket",
                 "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {key.decode()}", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        head = self.until(b"\r\n\r\n").decode()
        self.status = int(head.split(" ")[1])
        self.headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
        if self.status == 101:
            wanted = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode().lower()
            assert self.headers["sec-websocket-accept"] == wanted, head
            assert self.headers["upgrade"] == "websocket", head

    def until(self, mark):
        while mark not in self.data:
            more = self.socket.recv(65536)
            assert more, f"closed: {self.data[-200:]!r}"
            self.data += more
        at = self.data.index(mark) + len(mark)
        found, self.data = self.data[:at], self.data[at:]
        return found

    def take(self, size):
        while len(self.data) < size:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the server ended the connection")
            self.data += more
        found, self.data = self.data[:size], self.data[size:]
        return found

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def receive(self):
        first, second = self.take(2)
        assert first & 0x80 and not first & 0x70 and not second & 0x80, "a frame of a server"
        size = second & 0x7f
        if size == 126:
            (size,) = struct.unpack(">H", self.take(2))
            assert size > 125
        elif size == 127:
            (size,) = struct.unpack(">Q", self.take(8))
            assert size > 65535
        payload = self.take(size)
        opcode = first & 0x0f
        if opcode == TEXT:
            payload.decode()
        if opcode != CLOSE:
            return opcode, payload
        if not payload:
            return CLOSE, (None, b"")
        return CLOSE, (struct.unpack(">H", payload[:2])[0], payload[2:])

    def at_end(self):
        """Whether the server ends the connection, with nothing more to say."""
        try:
            return self.data == b"" and self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self):
        self.socket.close()
