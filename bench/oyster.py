#!/usr/bin/env python3
"""What a request to the Oyster front costs: code from a local chain, signed answers, with a fresh
isolate for each request and with one that stays. CPU is that of the node and of its function hosts.
With --codes N requests go to N codes in turns, each with processes of its own; with --billing an
answer waits for the disk.
Usage: bench/oyster.py BUILD [--seconds 5] [--connections 1] [--codes 1] [--spare 4] [--billing]
                       [--json]"""
import argparse
import http.client
import json
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))
import test_oyster  # pylint: disable=wrong-import-position

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(front, hosts, until, latencies, wrong):
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    turn = 0
    while (start := time.perf_counter()) < until:
        turn += 1
        connection.request("POST", "/", body=b'{"num":600}',
                           headers={"Host": hosts[turn % len(hosts)]})
        answer = connection.getresponse()
        if (answer.status, answer.read()) != (200, b"2,2,2,3,5,5"):
            wrong.append(answer.status)
        latencies.append(time.perf_counter() - start)


def children_cpu_s(pid):
    """Of processes that have ended and were waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS


def label_of(front, number):
    code = test_oyster.PRIME + "//" * (number > 0) + str(number or "")
    return test_oyster.label(front.put(code)) + ".oyster.run"


def measure(build, given, fresh):
    seconds, connections = given.seconds, given.connections
    settings = [f"oyster.fresh={str(fresh).lower()}", f"oyster.spare={given.spare}"]
    with test_oyster.Front(build, settings if given.billing
                           else [*settings, "oyster.billing="]) as front:
        codes = [label_of(front, number) for number in range(given.codes)]
        load(front, codes, time.perf_counter() + 0.5, [], [])
        node = front.mesh.nodes[0]

        def cpu():
            hosts = sum(map(cpu_s, front.mesh.worker_pids(node)))
            return cpu_s(node.process.pid), hosts + children_cpu_s(node.process.pid)

        before = cpu()
        latencies, wrong = [], []
        until = time.perf_counter() + seconds
        threads = [threading.Thread(target=load, args=(front, codes, until, latencies, wrong))
                   for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = cpu()
        assert not wrong, f"{len(wrong)} wrong answers: {wrong[:3]}"
    latencies.sort()
    count = len(latencies)
    node_us, hosts_us = ((b - a) * 1e6 / count for a, b in zip(before, after))
    return {"fresh": fresh, "codes": given.codes, "billing": given.billing,
            "connections": connections, "requests_per_s": round(count / seconds),
            "requests_per_core_s": round(1e6 / (node_us + hosts_us)),
            "p50_ms": round(latencies[count // 2] * 1e3, 2),
            "p99_ms": round(latencies[count * 99 // 100] * 1e3, 2),
            "node_cpu_us": round(node_us), "hosts_cpu_us": round(hosts_us)}


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("build")
    words.add_argument("--seconds", type=float, default=5)
    words.add_argument("--connections", type=int, default=1)
    words.add_argument("--codes", type=int, default=1)
    words.add_argument("--spare", type=int, default=4)
    words.add_argument("--billing", action="store_true")
    words.add_argument("--json", action="store_true")
    given = words.parse_args()
    rows = [measure(given.build, given, fresh) for fresh in (True, False)]
    if given.json:
        print(json.dumps({"oyster": rows}))
        return
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
