#!/usr/bin/env python3
"""The load generator of the paper: its log beside its own record, its phases.
Usage: paper_load.py BUILD_FOLDER [--paper-time] [NAME...]
The paper's phases take a minute in which little happens: here they are twenty times as fast, unless
--paper-time."""
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from mesh import run_tap

TITLES = ("#Start Duration Latency Bytes Interval End MBit/sec Mode Thread_ID Type Function "
          "Request_ID Battery_Status").split()
SPEED = 1 if "--paper-time" in sys.argv else 20
PHASES = [800] * 11 + [700] * 15 + [400] * 30 + [200] * 25 + [500] * 20 + [900] * 20
HALF_A_DIGIT = 0.6e-6


def run(build, *words, source="export default { fetch() { return new Response('x'); } };", code=0):
    """(its JSON, the lines of its log as {title: text}, its last line, stderr)."""
    with tempfile.TemporaryDirectory(prefix="themis-e2e-") as folder:
        file, log = Path(folder, "quick.js"), Path(folder, "load.log")
        file.write_text(source)
        done = subprocess.run([Path(build, "bench/themis-bench"), "apps", "--json", "--file", file,
                               "--log", log, *words], capture_output=True, text=True, timeout=200,
                              check=False)
        assert done.returncode == code, (done.returncode, done.stderr)
        titles, *lines = log.read_text().splitlines()
        assert titles.split() == TITLES, titles
        return (json.loads(done.stdout or "null"),
                [dict(zip(TITLES, line.split(), strict=True)) for line in lines[:-1]], lines[-1],
                done.stderr)


def check_line(line, record):
    """The columns, computed from the generator's own record of the same request."""
    issued, sent, answered = (record[f"{name}_us"] / 1e6 for name in ("issued", "sent", "answered"))
    assert 0 <= issued <= sent < answered, record
    for title, value in (("#Start", issued), ("Duration", answered - sent),
                         ("Latency", answered - issued), ("End", answered),
                         ("MBit/sec", 8 * record["bytes"] / 1024 / 1024 / (answered - issued))):
        assert abs(float(line[title]) - value) < HALF_A_DIGIT, (title, line, record)
    for title, value in (("Bytes", record["bytes"]), ("Interval", record["interval_ms"]),
                         ("Mode", record["mode"]), ("Request_ID", record["id"]), ("Type", "exec"),
                         ("Function", "quick"), ("Battery_Status", -1)):
        assert line[title] == str(value), (title, line, record)


def check_figures(app, lines, prefix=""):
    """What is printed follows from the log."""
    latencies, durations = ([float(line[title]) for line in lines]
                            for title in ("Latency", "Duration"))
    for name, value in (("latency_s", sum(latencies) / len(lines)),
                        ("duration_s", sum(durations) / len(lines)),
                        ("throughput_per_s", len(lines) / app[prefix + "exec_s"])):
        assert abs(app[prefix + name] - value) < 1e-5 * max(1, value), (name, app, value)


def check_comparison(app, lines):
    """Medians of ten blocks and five starts, each beside its own neighbour."""
    def blocks(mode):
        by_id = {int(line["Request_ID"]): line for line in lines if line["Mode"] == mode}
        count = len(by_id)
        return [[by_id[id] for id in range(count * block // 10, count * (block + 1) // 10)]
                for block in range(10)]

    def whole(block):
        return max(float(line["End"]) for line in block) - min(float(line["#Start"])
                                                              for line in block)

    def latency(block):
        return sum(float(line["Latency"]) for line in block)

    pairs = list(zip(blocks("remote"), blocks("plain"), strict=True))
    for name, value, tolerance in (
            ("overhead_percent", [100 * (whole(a) / whole(b) - 1) for a, b in pairs], 0.2),
            ("latency_overhead_percent", [100 * (latency(a) / latency(b) - 1) for a, b in pairs],
             0.2),
            ("startup_overhead_ms", [1e3 * (a - b) for a, b in zip(
                app["starts_s"], app["plain_starts_s"], strict=True)], 1e-6)):
        assert abs(app[name] - statistics.median(value)) < tolerance, (name, value, app)
    for prefix in ("", "plain_"):
        assert len(app[prefix + "starts_s"]) == 5, app
        assert app[prefix + "startup_s"] == statistics.median(app[prefix + "starts_s"]) > 0, app


def test_the_log_has_121_lines_in_the_papers_phases(build):
    figures, lines, last, _ = run(build, "--speed", str(SPEED))
    app, = figures["apps"]
    assert len(lines) == len(app["record"]) == len(PHASES) == 121, len(lines)
    due = float(lines[0]["#Start"])
    intervals = [interval // SPEED for interval in PHASES]
    for line, record, interval in zip(lines, app["record"], intervals):
        check_line(line, record)
        assert (line["Interval"], line["Mode"], line["Thread_ID"]) == (str(interval), "remote", "0")
        assert float(line["#Start"]) > due - 0.005, (line, due)
        due += interval / 1000
        # The request itself, with a port of four or five digits.
        request = "POST /f/quick HTTP/1.1\r\nHost: 127.0.0.1:\r\n\r\n"
        assert int(line["Bytes"]) - len(request) in (4, 5), line
    check_figures(app, lines)
    whole = max(float(line["End"]) for line in lines) - float(lines[0]["#Start"])
    assert abs(app["exec_s"] - whole) < 1e-5 and whole > sum(intervals[:-1]) / 1000 - 0.005, whole
    assert last.startswith("# Execution done: ") and float(last.split()[-1]) >= whole, last
    assert app["startup_s"] > 0 and app["failures"] == 0, app


def test_at_the_greatest_rate_over_two_servers_sealed_and_plain(build):
    figures, lines, _, _ = run(build, "--rate", "max", "--requests", "40", "--servers", "2",
                               "--plain")
    app, = figures["apps"]
    for line, record in zip(lines, app["record"], strict=True):
        check_line(line, record)
    for mode, prefix in (("remote", ""), ("plain", "plain_")):
        of_mode = [line for line in lines if line["Mode"] == mode]
        assert sorted(int(line["Request_ID"]) for line in of_mode) == list(range(40)), mode
        assert {line["Thread_ID"] for line in of_mode} == {"0", "1"}, mode
        assert {line["Interval"] for line in of_mode} == {"0"}, mode
        check_figures(app, of_mode, prefix)
    check_comparison(app, lines)


def test_local_means_the_node_that_is_asked(build):
    figures, lines, _, _ = run(build, "--local", "--rate", "max", "--requests", "5")
    for line, record in zip(lines, figures["apps"][0]["record"], strict=True):
        check_line(line, record)
        assert (line["Mode"], line["Thread_ID"]) == ("local", "-1"), line
        # Not as the original's local mode, which gives the end as latency.
        assert float(line["Latency"]) < float(line["End"]), line


def test_a_request_that_fails_is_in_the_log_and_said(build):
    source = ("let n = 0; export default { fetch(r) { if (r.method === 'POST' && ++n === 3)"
              " throw new Error('third'); return new Response('x'); } };")
    # Each of its five starts gets four of them.
    _, lines, _, said = run(build, "--rate", "max", "--requests", "20", source=source, code=1)
    assert sorted(line["Type"] for line in lines) == ["exec"] * 15 + ["fail"] * 5, lines
    assert said == "themis-bench: 5 requests failed\n", said


def main():
    build, wanted = sys.argv[1], [word for word in sys.argv[2:] if word != "--paper-time"]
    return run_tap([(name, test) for name, test in globals().items()
                    if name.startswith("test_") and (not wanted or name in wanted)], build)


if __name__ == "__main__":
    sys.exit(main())
