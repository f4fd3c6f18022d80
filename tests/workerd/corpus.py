"""Reads handlers/*.js. Each file holds many handlers, one after the other; what belongs to one is
said in lines that begin with four slashes:

    //// NAME: what it shows          a handler begins, called AREA/NAME; AREA: the file's name
    //// GET /path?query {OPTIONS}    a request for it; OPTIONS: a JSON object, see request_of()
    //// @env {"NAME": value}         its env: texts, and whatever else JSON has
    //// @use NAME=AREA/NAME          env.NAME is another handler
    //// @origin                      it may fetch from a server of the test's, env.ORIGIN
    //// @listener                    service-worker syntax
    //// @queue [MESSAGE, ...]        these come to its `queue` handler before it is asked anything
    //// @cron                        the clock calls its `scheduled` handler before that
    //// @file NAME [base64]          another module of it; its lines follow

One that imports './report.js' gets shared/report.js.
"""
import base64
import dataclasses
import json
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "handlers"
SHARED = Path(__file__).resolve().parent / "shared"
MAIN = "index.js"
NAME = re.compile(r"([a-z0-9-]+): (.+)")
REQUEST = re.compile(r"([A-Z]+) (/\S*)(?: (\{.*\}))?")


@dataclasses.dataclass
class Request:
    """One request. `headers`: pairs. `body`: bytes, or None. `chunks`: it goes out in so many
    chunks; 0: with a content-length. `messages`: it asks for a WebSocket, and sends these."""
    method: str
    path: str
    headers: list
    body: bytes | None = None
    chunks: int = 0
    messages: list | None = None

    @property
    def title(self):
        return f"{self.method} {self.path}"


@dataclasses.dataclass
class Handler:
    """One function: its modules by their names, its env and the requests that it gets."""
    area: str
    name: str
    about: str
    files: dict = dataclasses.field(default_factory=dict)
    env: dict = dataclasses.field(default_factory=dict)
    uses: dict = dataclasses.field(default_factory=dict)
    requests: list = dataclasses.field(default_factory=list)
    origin: bool = False
    listener: bool = False
    queue: list | None = None
    cron: bool = False

    @property
    def title(self):
        return f"{self.area}/{self.name}"

    @property
    def has_events(self):
        return self.cron or self.queue is not None

    @property
    def function(self):
        """Its name where there are no slashes."""
        return f"{self.area}-{self.name}"


def request_of(method, path, options):
    """`options`: headers (an object or pairs), body (a text, or what is sent as JSON) or base64,
    repeat (the body so many times), chunks, messages (texts, lists of bytes, null: a close)."""
    known = {"headers", "body", "base64", "repeat", "chunks", "messages"}
    assert not set(options) - known, f"{method} {path}: unknown {set(options) - known}"
    headers = options.get("headers", {})
    pairs = list(headers.items()) if isinstance(headers, dict) else [tuple(p) for p in headers]
    body = options.get("body")
    if isinstance(body, str):
        body = body.encode()
    elif body is not None:
        body = json.dumps(body, separators=(",", ":")).encode()
    if "base64" in options:
        body = base64.b64decode(options["base64"])
    if body is not None:
        body *= options.get("repeat", 1)
    return Request(method, path, pairs, body, options.get("chunks", 0), options.get("messages"))


class Reader:
    """The handlers of one file."""

    def __init__(self, area):
        self.area, self.handlers = area, []
        self.file, self.encoded = None, False

    def directive(self, line):
        if begins := NAME.fullmatch(line):
            self.handlers.append(Handler(self.area, *begins.groups()))
            self.open(MAIN, False)
            return
        handler = self.handlers[-1]
        if asks := REQUEST.fullmatch(line):
            options = json.loads(asks[3]) if asks[3] else {}
            handler.requests.append(request_of(asks[1], asks[2], options))
            return
        word, _, rest = line.partition(" ")
        if word == "@env":
            handler.env.update(json.loads(rest))
        elif word == "@use":
            name, _, other = rest.partition("=")
            handler.uses[name] = other
        elif word == "@origin":
            handler.origin = True
        elif word == "@listener":
            handler.listener = True
        elif word == "@queue":
            handler.queue = json.loads(rest)
        elif word == "@cron":
            handler.cron = True
        elif word == "@file":
            name, _, how = rest.partition(" ")
            assert how in ("", "base64"), line
            self.open(name, how == "base64")
        else:
            raise ValueError(f"{self.area}: what is {line!r}?")

    def open(self, name, encoded):
        assert name not in self.handlers[-1].files, f"{name} is there twice"
        self.handlers[-1].files[name] = b""
        self.file, self.encoded = name, encoded

    def text(self, line):
        assert self.handlers, f"{self.area}: a line before the first handler"
        data = base64.b64decode(line) if self.encoded else line.encode() + b"\n"
        self.handlers[-1].files[self.file] += data


def read_file(path):
    reader = Reader(path.stem)
    for number, line in enumerate(path.read_text().split("\n"), 1):
        try:
            if line.startswith("//// "):
                reader.directive(line.removeprefix("//// "))
            else:
                reader.text(line)
        except (ValueError, AssertionError, IndexError) as error:
            raise SystemExit(f"{path.name}:{number}: {error}") from None
    return reader.handlers


def read_all():
    """Every handler by its title."""
    handlers = {}
    for path in sorted(FOLDER.glob("*.js")):
        for handler in read_file(path):
            assert handler.title not in handlers, f"{handler.title} is there twice"
            assert handler.requests, f"{handler.title} gets no request"
            handlers[handler.title] = handler
            if b"'./report.js'" in handler.files[MAIN]:
                handler.files["report.js"] = (SHARED / "report.js").read_bytes()
    for handler in handlers.values():
        for other in handler.uses.values():
            assert other in handlers, f"{handler.title} uses {other}, which is not there"
    return handlers
