#!/usr/bin/env python3
"""Serves the handlers of handlers/ with a node of ours, workerd, deno and node; loads each in turn.

The servers share one core, wrk has the other. CPU time is that of all processes of a server, user
and system; it is what compares on a machine that has other work. Figures are medians of the rounds.
"""
import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import servers

SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS = 32  # of hello; the others, which take milliseconds, get:
CONNECTIONS_HEAVY = 8
WARM_UP_S = 1
HASHED = bytes(i * 7 % 251 for i in range(64 * 1024))
# 100 KB of rows as an application has them.
ROWS = json.dumps(
    [{"id": i, "name": f"article {i}", "price": i % 90 + 0.5, "count": i % 7,
      "tags": ["new", "red", f"t{i % 13}"], "stock": i % 3 == 0} for i in range(1060)],
    separators=(",", ":")).encode()
REQUESTS = {  # path, the body's media type and the body
    "hello": ("/?name=you", "", b""),
    "json": ("/", "application/json", ROWS),
    "sha256": ("/", "application/octet-stream", HASHED),
    "primes": ("/?of=9998000099", "", b""),
}
# What issue 5 asks of ours: (figure, kind, bound). times: multiple of workerd's.
ASKED = {
    "hello": [("requests_per_s", "min", 30_000), ("requests_per_s", "min_times", 2.5),
              ("p99_ms", "max", 5), ("cpu_us", "max", 30)],
    "json": [("cpu_us", "max_times", 1.0)],
    "sha256": [("cpu_us", "max_times", 1.0)],
    "primes": [("cpu_us", "max_times", 1.0)],
    "functions": [("cold_p50_us", "max", 1_000), ("cold_p99_us", "max", 3_000)],
}


def ask(server, handler):
    """The answer's body to the handler's request."""
    port, prefix = server.place(handler)
    path, media_type, body = REQUESTS[handler]
    request = urllib.request.Request(f"http://127.0.0.1:{port}{prefix}{path}", data=body or None,
                                     headers={"content-type": media_type} if body else {})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


def check_answers(running, handlers):
    """Each server is up, and all say the same: who answers wrongly is not compared."""
    for handler in handlers:
        answers = {server.name: servers.wait_until(f"{server.name} serves {handler}",
                                                   lambda server=server: ask(server, handler))
                   for server in running}
        if handler == "json":
            answers = {name: json.loads(answer) for name, answer in answers.items()}
        if any(answer != answers[running[0].name] for answer in answers.values()):
            raise SystemExit(f"{handler}: the servers do not answer the same: " + "; ".join(
                f"{name}: {str(answer)[:80]!r}" for name, answer in answers.items()))


def load(server, handler, seconds, body_path):
    """Figures of one run of wrk."""
    port, prefix = server.place(handler)
    path, media_type, body = REQUESTS[handler]
    connections = CONNECTIONS if handler == "hello" else CONNECTIONS_HEAVY
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s",
             servers.HERE / "report.lua", f"http://127.0.0.1:{port}{prefix}{path}"]
    if body:
        words += ["--", body_path, media_type]
    pids = server.pids(handler)
    before = servers.cpu_s(pids)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    cpu = servers.cpu_s(pids) - before
    if done.returncode or not done.stdout.strip().startswith("Running"):
        raise SystemExit(f"wrk failed: {done.stderr or done.stdout}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    if said["failed"] or not said["requests"]:
        raise SystemExit(f"{server.name} failed {said['failed']} of {said['requests']} requests of "
                         f"{handler}")
    return {"requests_per_s": said["requests"] / said["seconds"], "p50_ms": said["p50_ms"],
            "p99_ms": said["p99_ms"], "cpu_us": cpu * 1e6 / said["requests"]}


def medians(runs):
    return {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}


def compare(running, handlers, options):
    """{handler: {server: figures}}; the servers take turns."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="themis-peers-") as folder:
        for handler in handlers:
            body_path = Path(folder) / handler
            body_path.write_bytes(REQUESTS[handler][2])
            for server in running:
                load(server, handler, WARM_UP_S, body_path)
            runs = {server.name: [] for server in running}
            for _ in range(options.rounds):
                for server in running:
                    runs[server.name].append(load(server, handler, options.seconds, body_path))
            found[handler] = {name: medians(of_server) for name, of_server in runs.items()}
    return found


def functions(build):
    """Ours alone: never-seen functions and the memory of an isolate, by themis-bench."""
    program = Path(build) / "bench/themis-bench"
    if not os.access(program, os.X_OK):
        raise SystemExit(f"{program} is not there: ninja -C {build} bench/themis-bench, or "
                         "--without themis-bench")
    done = subprocess.run([program, "worker", "--json", "--seconds", "1"], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise SystemExit(f"themis-bench worker failed: {done.stderr}")
    said = json.loads(done.stdout)
    return {"themis": {name: said[name] for name in (
        "cold_p50_us", "cold_p99_us", "cold_cpu_p50_us", "cold_cpu_p99_us", "isolate_kb")}}


def verdicts(found):
    """Ours beside what is asked: (what, ours, bound, reached)."""
    lines = []
    for handler, asked in ASKED.items():
        for figure, kind, bound in asked:
            if "themis" not in found.get(handler, {}):
                continue
            ours, what = found[handler]["themis"][figure], f"{handler} {figure}"
            if kind.endswith("_times"):
                if "workerd" not in found[handler]:
                    continue
                ours, what = ours / found[handler]["workerd"][figure], f"{what} / workerd's"
            reached = ours >= bound if kind.startswith("min") else ours <= bound
            lines.append({"what": what, "ours": ours, "asked": bound,
                          "at": "least" if kind.startswith("min") else "most", "reached": reached})
    return lines


def show(found, asked):
    for handler, of_handler in found.items():
        columns = list(next(iter(of_handler.values())))
        print(f"{handler:<12}" + "".join(f"{column:>18}" for column in columns))
        for name, figures in of_handler.items():
            print(f"  {name:<10}" + "".join(f"{figures[column]:>18,.2f}" for column in columns))
    print("\nasked of ours")
    for line in asked:
        print(f"  {line['what']:<36}{line['ours']:>12,.2f}   at {line['at']:<5} "
              f"{line['asked']:>9,}   {'reached' if line['reached'] else 'NOT REACHED'}")


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="the build folder, whose programs are measured")
    parser.add_argument("--handlers", nargs="+", choices=REQUESTS, default=list(REQUESTS))
    parser.add_argument("--seconds", type=int, default=3, help="of one run of wrk")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without", action="append", default=[], metavar="NAME",
                        choices=[kind.name for kind in servers.ALL] + ["themis-bench"],
                        help="leave a server, or themis-bench, out")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(words)


def main():
    options = parse(sys.argv[1:])
    wrk = shutil.which("wrk")
    if not wrk:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("needs two cores: one for the servers, one for wrk")
    kinds = [kind(options.build, options.handlers) for kind in servers.ALL
             if kind.name not in options.without]
    for kind in kinds:
        if not os.access(kind.program, os.X_OK):
            raise SystemExit(f"{kind.name} is not installed ({kind.program}): {kind.missing}, or "
                             f"--without {kind.name}")
    with contextlib.ExitStack() as stack:
        with servers.pinned(SERVER_CORE):
            running = [stack.enter_context(kind) for kind in kinds]
        with servers.pinned(CLIENT_CORE):
            check_answers(running, options.handlers)
            found = compare(running, options.handlers, options)
    if "themis-bench" not in options.without:
        found["functions"] = functions(options.build)
    asked = verdicts(found)
    if options.json:
        print(json.dumps({"figures": found, "asked": asked}))
    else:
        show(found, asked)


if __name__ == "__main__":
    main()
