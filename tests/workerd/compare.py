"""What an answer was, and in what two of them differ. No input, no output."""
import dataclasses
import hashlib
import re

TEXT_BYTES_MAX = 4000  # a body that is longer is told by its length and hash


@dataclasses.dataclass
class Answer:
    """What came back. `headers`: {lower-case name: value}; fields of one name are joined by commas,
    as any recipient may (RFC 9110, 5.3), but set-cookie by line breaks. `body`: bytes; `problem`:
    why there is no whole answer, or ""."""
    status: int
    headers: dict
    body: bytes
    problem: str = ""


def lines_of(body):
    """The body as lines that can be read and committed."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = None
    is_text = text is not None and not any(ord(c) < 32 and c not in "\r\n\t" for c in text)
    if not is_text or len(body) > TEXT_BYTES_MAX:
        return [f"{len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()[:16]}"]
    return text.split("\n")


def lines_that_differ(left, right):
    """Of two bodies with as many lines, the pairs that are not equal; else all of both."""
    if len(left) != len(right):
        return left, right
    pairs = [(a, b) for a, b in zip(left, right) if a != b]
    return [a for a, _ in pairs], [b for _, b in pairs]


def masked(body, patterns):
    """The body with what a pattern finds replaced by dots: numbers that are drawn each time."""
    for pattern in patterns:
        body = re.sub(pattern.encode(), b"...", body)
    return body


def differences(theirs, ours, may_differ, patterns=()):
    """{what: [their value, our value]} of two Answers; what: "status", "header NAME", "body",
    "problem". `may_differ`: names of headers that are not compared; a content-length is when both
    give one and the bodies are equal: else it says what the body says, or how it is framed.
    `patterns`: of what is random in a body."""
    theirs.body, ours.body = masked(theirs.body, patterns), masked(ours.body, patterns)
    found = {}
    if theirs.problem != ours.problem:
        found["problem"] = [theirs.problem, ours.problem]
    if theirs.status != ours.status:
        found["status"] = [theirs.status, ours.status]
    for name in sorted({*theirs.headers, *ours.headers} - set(may_differ)):
        values = [theirs.headers.get(name), ours.headers.get(name)]
        framing = name == "content-length" and (None in values or theirs.body != ours.body)
        if values[0] != values[1] and not framing:
            found[f"header {name}"] = values
    if theirs.body != ours.body:
        found["body"] = list(lines_that_differ(lines_of(theirs.body), lines_of(ours.body)))
    return found
