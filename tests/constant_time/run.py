#!/usr/bin/env python3
"""Follows the secrets of handshake and session through memcheck; planted faults must be reported.

usage: run.py PROGRAM SUPPRESSIONS
"""
import subprocess
import sys

REPORTED = 99


def run(program, suppressions, what):
    done = subprocess.run(
        ["valgrind", "--quiet", f"--error-exitcode={REPORTED}", "--leak-check=no",
         "--num-callers=30", f"--suppressions={suppressions}", program, what],
        capture_output=True, text=True, timeout=280)
    print(f"{what}: exit {done.returncode}")
    return done


def main():
    program, suppressions = sys.argv[1:]
    clean = run(program, suppressions, "protocol")
    if clean.returncode != 0 or clean.stdout.count("suite ") < 2:
        return clean.stdout + clean.stderr[:8000]
    print(clean.stdout)
    for fault in ("branch", "index", "compare"):
        if run(program, suppressions, fault).returncode != REPORTED:
            return f"the planted fault was not reported: {fault}"
    return 0


sys.exit(main())
