#!/usr/bin/env python3
"""1,000 redeploys of a function under load, and how long a deploy and a save take until they are
live. Usage: redeploys.py BUILD_FOLDER [TIMES]"""
import json
import signal
import sys
import tempfile
import time
from pathlib import Path

from mesh import Mesh
from test_people import Developer, answering, redeploy_under_load

SAVES = 20
TYPED = "export default { fetch(): Response { return new Response('%s'); } };"


def percentiles(seconds):
    ordered = sorted(seconds)
    return {name: round(1000 * ordered[min(int(len(ordered) * part), len(ordered) - 1)], 1)
            for name, part in (("p50_ms", 0.5), ("p99_ms", 0.99), ("longest_ms", 1))}


def saves(build):
    """Milliseconds from each save of a TypeScript file to its version being live."""
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "app/index.ts"
        source.parent.mkdir()
        (Path(temporary) / "tmp").mkdir()
        source.write_text(TYPED % "first")
        developer = Developer(build, Path(temporary) / "tmp", str(source.parent))
        try:
            developer.event("live")
            developer.event("watching")
            took = []
            for number in range(SAVES):
                source.write_text(TYPED % number)
                took.append(developer.event("live")["ms"] / 1000)
        finally:
            developer.process.send_signal(signal.SIGINT)
            developer.process.wait()
    return took


def main():
    build, times = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with Mesh(build, nodes=3) as mesh:
        quiet = []
        took, answered = redeploy_under_load(mesh, times)
        for number in range(SAVES):
            begin = time.monotonic()
            mesh.deploy("f", answering(f"alone {number}"))
            quiet.append(time.monotonic() - begin)
    print(json.dumps({"redeploys": times, "answered": answered, "failed": 0,
                      "deploy_under_load": percentiles(took), "deploy": percentiles(quiet),
                      "save_to_live": percentiles(saves(build))}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
