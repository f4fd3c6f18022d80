#!/usr/bin/env python3
"""Checks the models: each must hold, each mutant of it must be refuted, and for the right reason.

Usage: run.py [NAME...]. Prints TAP. Needs spin, gcc and maude. Leaves nothing behind.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Optional

HERE = Path(__file__).resolve().parent
PARALLEL = 2
MEGABYTES_MAX = 1500  # of one search: two of them stay below 4 GB
SECONDS_MAX = 120     # of one search; the longest takes a tenth of it
LINES_MAX = 40        # of a tool's output, when it is not what was expected
DEPTH = {"handshake.pml": 1000, "ring.pml": 3_000_000}


class Case(NamedTuple):
    model: str
    name: str
    flags: tuple = ()             # of Spin: -D; of Maude: the initial state and what is looked for
    broken: Optional[str] = None  # a regular expression for the claim that breaks; None: it holds

    def title(self):
        return f"{self.model}: {self.name} {'is refuted' if self.broken else 'holds'}"


def mutants(model, broken, base=()):
    return [Case(model, f"mutant {flag.lower()}", (*base, flag), claim)
            for flag, claim in broken.items()]


def searches(broken_by, state, protocols):
    """Of Maude: the protocols that hold, or are broken, from an initial state."""
    return [Case("handshake.maude", f"{state}({protocol})", (f"{state}({protocol})", "attack"),
                 FOUND if broken_by else None) for protocol in protocols]


FOUND = r"Solution 1 "
AGREEMENT = r"violated agreement"
SECRECY = r"violated \(run_\[\d\]\.share_[ab]!=4\)"
ITSELF = r"violated \(run_\[\d\]\.peer!=run_\[\d\]\.owner\)"
LIVE = r"violated .*first\[i\]!=9"
HEALS = r"violated \(\([jk]==i\)"

CASES = [
    Case("handshake.pml", "the handshake"),
    Case("handshake.pml", "the handshake with roles only (a node may talk to itself)",
         ("SELF_ALLOWED",)),
    Case("handshake.pml", "the handshake with the self check only (roles look alike)",
         ("NO_ROLES",)),
    Case("handshake.pml", "the claim that no four runs complete", ("NOTHING_HAPPENS",),
         r"violated .*claims&&run_"),
    *mutants("handshake.pml", {
        "UNSIGNED_SHARE": AGREEMENT,
        "UNCONFIRMED_SHARES": AGREEMENT,
        "NO_TAG": AGREEMENT,
        "NO_SIGNATURE_2": SECRECY,
        "NO_SIGNATURE_3": SECRECY,
        "NO_MESSAGE_3_CHECK": SECRECY,
        "NO_EXPECTED_CHECK": r"violated \(\(run_\[0\]\.expected==3\)",
        "NO_SELF_CHECK": ITSELF,
        "REFLECTION": SECRECY,
        "NO_NETWORK": AGREEMENT,
        "NO_OFFER": AGREEMENT,
        "NO_CHOICE_CHECK": r"violated \(\(run_\[\d\]\.choice&",
    }),
    *searches(False, "start", ["ours", "paper", "paper-fixed"]),
    *searches(False, "leaked", ["ours", "paper-fixed"]),
    *searches(True, "leaked", ["paper"]),
    *searches(True, "start", ["unsigned-share", "unconfirmed-shares", "no-tag", "no-signature-2",
                              "no-signature-3"]),
    *[Case("handshake.maude", f"the claim that no run of {protocol} completes",
           (f"start({protocol})", "complete"), FOUND) for protocol in ("ours", "paper-fixed")],
    Case("ring.pml", "the ring of 5, answers under way"),
    Case("ring.pml", "the ring of 6, an answer in one step", ("N=6", "ONE_STEP")),
    Case("ring.pml", "a join with one successor (the failure rule protects it)", ("JOIN_ONE",)),
    Case("ring.pml", "a list copied without looking at its order", ("NO_ORDER",)),
    Case("ring.pml", "a base of two, an answer in one step, twice the rounds",
         ("TWO_AT_FIRST", "ONE_STEP", "ROUNDS=8")),
    Case("ring.pml", "the claim that no five nodes become ideal", ("NOTHING_HAPPENS",),
         r"violated .*second\[2\]==4"),
    *mutants("ring.pml", {
        "NO_FAILURE_RULE": LIVE,
        "PLAIN_FAILURE_RULE": LIVE,
        "ADOPT_UNASKED": LIVE,
        "NO_DROP": HEALS,
        "ONE_SUCCESSOR": HEALS,
        "NO_WALK": HEALS,
        "NO_RECTIFY_ORDER": HEALS,
        "NO_PREDECESSOR_CHECK": HEALS,
    }),
]


def output_of(command, folder, text=""):
    done = subprocess.run(command, cwd=folder, text=True, timeout=SECONDS_MAX, check=False,
                          input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-1000:]}")
    return done.stdout


def run_spin(case, folder):
    """The output, and whether it says that the whole of the model was searched without a fault."""
    flags = ["-D" + flag for flag in case.flags]
    output_of(["spin", *flags, "-a", str(HERE / case.model)], folder)
    output_of(["gcc", "-O1", "-w", "-DSAFETY", "-DVECTORSZ=256", f"-DMEMLIM={MEGABYTES_MAX}",
               "-o", "pan", "pan.c"], folder)
    out = output_of(["./pan", "-E", "-n", f"-m{DEPTH[case.model]}"], folder)
    return out, "errors: 0" in out and not re.search("not completed|too small|violated", out)


def run_maude(case, folder):
    state, goal = case.flags
    search = f"search [1] {state} =>* S:State such that {goal}(S:State) .\nq\n"
    command = ["maude", "-no-banner", "-no-wrap", "-no-advise", str(HERE / case.model)]
    out = output_of(command, folder, search)
    if "Warning" in out:
        raise RuntimeError(out)
    return out, "No solution." in out


def check(case):
    """Nothing when the case went as it should, else what happened."""
    run = run_maude if case.model.endswith(".maude") else run_spin
    try:
        with tempfile.TemporaryDirectory(prefix="themis-models-") as folder:
            out, holds = run(case, folder)
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        return str(error)
    as_expected = holds if case.broken is None else re.search(case.broken, out)
    return None if as_expected else out


def main():
    cases = [case for case in CASES
             if not sys.argv[1:] or any(word in case.title() for word in sys.argv[1:])]
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    # Ended from outside, it still lets the two searches under way finish and remove their folders.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    pool = ThreadPoolExecutor(PARALLEL)
    try:
        for number, (case, wrong) in enumerate(zip(cases, pool.map(check, cases)), 1):
            print(f"{'not ok' if wrong else 'ok'} {number} - {case.title()}", flush=True)
            for line in (wrong or "").splitlines()[:LINES_MAX]:
                print(f"# {line}", flush=True)
            failed += bool(wrong)
    finally:
        pool.shutdown(cancel_futures=True)
    return os.EX_OK if failed == 0 and cases else 1


if __name__ == "__main__":
    sys.exit(main())
