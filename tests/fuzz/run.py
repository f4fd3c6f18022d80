#!/usr/bin/env python3
"""Runs one fuzz target for some seconds from its committed seeds.

usage: run.py TARGET SECONDS [--seeds DIR] [--must-crash]

Fails when the target finds something (the input is kept, and how to run it again is printed) or
did next to nothing; with --must-crash, when it finds nothing.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

EXECUTIONS_MIN = 500  # fewer in that time: the target is stuck in one input


def main():
    words = argparse.ArgumentParser()
    words.add_argument("target")
    words.add_argument("seconds", type=int)
    words.add_argument("--seeds")
    words.add_argument("--must-crash", action="store_true")
    words = words.parse_args()
    name = os.path.basename(words.target)
    found = os.path.join(os.path.dirname(words.target), name + ".found-")
    with tempfile.TemporaryDirectory() as corpus:
        run = subprocess.run(
            [words.target, corpus, *([words.seeds] if words.seeds else []),
             f"-max_total_time={words.seconds}",
             "-timeout=10", "-rss_limit_mb=1024", "-max_len=4096", "-print_final_stats=1",
             f"-artifact_prefix={found}"],
            capture_output=True, text=True, errors="replace", timeout=words.seconds + 120)
    executions = re.search(r"number_of_executed_units: (\d+)", run.stderr)
    executions = int(executions.group(1)) if executions else 0
    seed = re.search(r"INFO: Seed: (\d+)", run.stderr)
    coverage = re.findall(r"cov: (\d+)", run.stderr)
    print(f"{name}: {executions} executions, {coverage[-1] if coverage else 0} edges, "
          f"seed {seed.group(1) if seed else 'unknown'}, exit {run.returncode}")
    artifacts = re.findall(r"Test unit written to (\S+)", run.stderr)
    if words.must_crash:
        for artifact in artifacts:
            os.unlink(artifact)
        found_it = run.returncode != 0 and "heap-buffer-overflow" in run.stderr
        return 0 if found_it else f"{name}: the planted fault was not found"
    if run.returncode != 0:
        print(run.stderr[-6000:])
        return f"{name}: a fault; run again with: {words.target} {' '.join(artifacts)}"
    if executions < EXECUTIONS_MIN:
        return f"{name}: only {executions} executions in {words.seconds} s"
    return 0


sys.exit(main())
