#!/usr/bin/env python3
"""Runs every handler of handlers/ on workerd and on a node of ours, and compares what they answer.

Usage: run.py BUILD_FOLDER [AREA | AREA/NAME...]    TAP, a line for each handler
       run.py BUILD_FOLDER --update    rewrites expected.json; reasons stay, new ones are empty
       run.py BUILD_FOLDER --show AREA/NAME    both answers in full
"""
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "e2e"))  # how nodes and WebSockets are started there

# pylint: disable=wrong-import-position
import corpus
import peers
from ask import ask
from compare import differences, lines_of
from origin import origin

EXPECTED = HERE / "expected.json"
HANDLERS = 294  # as README.md and tests/README.md say


def place_of(handler, number):
    return f"{handler.title} {number} {handler.requests[number - 1].title}"


def flattened(expected):
    """{place: {what: [theirs, ours]}} and {(place, what): reason}."""
    found, reasons = {}, {}
    for entry in expected["differences"]:
        for place, whats in entry["at"].items():
            for what, values in whats.items():
                assert what not in found.get(place, {}), f"expected.json has {place}, {what} twice"
                found.setdefault(place, {})[what] = values
                reasons[place, what] = entry["reason"]
    return found, reasons


def compared(handlers, pair, expected):
    """{place: differences} of every request, in the order of the corpus."""
    found = {}
    for handler in handlers:
        for number, request in enumerate(handler.requests, 1):
            theirs, ours = (ask(peer.place(handler), request) for peer in pair)
            found[place_of(handler, number)] = differences(theirs, ours, expected["headers"],
                                                           expected["random"])
    return found


def problems_of(place, found, wanted, reasons):
    """What is wrong with the differences of one request: lines."""
    lines = []
    for what in sorted({*found, *wanted}):
        theirs, ours = found.get(what, (None, None))
        if what not in wanted:
            lines.append(f"{place}: {what} differs: workerd {theirs!r}, ours {ours!r}")
        elif what not in found:
            lines.append(f"{place}: {what} is equal now; take it out of expected.json")
        elif found[what] != wanted[what]:
            lines.append(f"{place}: {what} differs otherwise: workerd {theirs!r}, ours {ours!r}; "
                         f"expected.json has {wanted[what]!r}")
        elif not reasons[place, what]:
            lines.append(f"{place}: {what}: expected.json gives no reason")
    return lines


def problems_of_all(handlers, found, wanted):
    """What is wrong with the corpus as a whole."""
    lines = [f"expected.json names {place}, which is not there"
             for place in wanted if place not in found]
    if len(handlers) != HANDLERS:
        lines.append(f"{len(handlers)} handlers; the READMEs say {HANDLERS}")
    return lines


def tested(handlers, found, expected, is_all):
    """Prints TAP; answers the exit code."""
    wanted, reasons = flattened(expected)
    results = []
    for handler in handlers:
        places = [place_of(handler, i + 1) for i in range(len(handler.requests))]
        results.append((handler.title, [
            line for place in places
            for line in problems_of(place, found[place], wanted.get(place, {}), reasons)]))
    if is_all:
        results.append(("the corpus is whole", problems_of_all(handlers, found, wanted)))
    print(f"1..{len(results)}")
    failed = 0
    for number, (title, lines) in enumerate(results, 1):
        failed += bool(lines)
        print(f"{'not ok' if lines else 'ok'} {number} - {title}")
        for line in lines:
            print(f"# {line}")
    return 1 if failed else os.EX_OK


def updated(found, expected):
    """expected.json with what was found; each difference keeps the reason that it had."""
    _, reasons = flattened(expected)
    entries = {}
    for entry in expected["differences"]:
        entries[entry["reason"]] = {}
    for place, whats in found.items():
        for what, values in whats.items():
            at = entries.setdefault(reasons.get((place, what), ""), {})
            at.setdefault(place, {})[what] = values
    differs = [{"reason": reason, "at": at} for reason, at in entries.items() if at]
    return {**expected, "differences": differs}


def show(handler, pair):
    for number, request in enumerate(handler.requests, 1):
        for peer in pair:
            answer = ask(peer.place(handler), request)
            print(f"--- {place_of(handler, number)} of {peer.name}: {answer.status}",
                  answer.problem)
            print("\n".join(f"{name}: {value}" for name, value in answer.headers.items()), "\n")
            print("\n".join(lines_of(answer.body)))


def main():
    build, words = sys.argv[1], sys.argv[2:]
    handlers = corpus.read_all()
    expected = json.loads(EXPECTED.read_text())
    names = set(words) - {"--update", "--show"}
    if "--update" in words and names:
        raise SystemExit("--update takes no names: it writes the list of all handlers")
    wanted = [handler for handler in handlers.values()
              if not names or {handler.area, handler.title} & names]
    needed = {other: handlers[other] for handler in wanted for other in handler.uses.values()}
    needed.update((handler.title, handler) for handler in wanted)
    with origin() as where, peers.Workerd(needed, where) as theirs, \
            peers.Themis(build, needed, where) as ours:
        if "--show" in words:
            for handler in wanted:
                show(handler, (theirs, ours))
            return os.EX_OK
        found = compared(wanted, (theirs, ours), expected)
    if "--update" in words:
        text = json.dumps(updated(found, expected), indent=1, ensure_ascii=False)
        EXPECTED.write_text(text + "\n")
        return os.EX_OK
    return tested(wanted, found, expected, not words)


if __name__ == "__main__":
    sys.exit(main())
