#!/usr/bin/env python3
"""The end-to-end tests: real binaries over loopback. Usage: run_all.py BUILD_FOLDER [NAME...]"""
import sys
from pathlib import Path

import test_actors
import test_admission
import test_bad_input
import test_balance
import test_bundles
import test_crash
import test_events
import test_examples
import test_fetch
import test_mesh
import test_oyster
import test_oyster_mesh
import test_paper
import test_people
import test_programs
import test_readme
import test_receipts
import test_remote
import test_service_mesh
import test_state
import test_state_receipts
import test_streams
import test_uploads
import test_websocket
from mesh import run_tap


def main():
    build, wanted = str(Path(sys.argv[1]).resolve()), sys.argv[2:]
    tests = []
    for module in (test_mesh, test_oyster, test_oyster_mesh,
                   test_bad_input, test_crash, test_programs, test_service_mesh,
                   test_admission, test_receipts, test_state, test_state_receipts,
                   test_bundles, test_readme, test_examples,
                   test_events, test_actors, test_streams, test_fetch, test_uploads,
                   test_websocket, test_paper, test_people, test_remote, test_balance):
        for name, function in vars(module).items():
            if name.startswith("test_") and callable(function) and (not wanted or name in wanted):
                tests.append((name, function))
    return run_tap(tests, build)


if __name__ == "__main__":
    sys.exit(main())
