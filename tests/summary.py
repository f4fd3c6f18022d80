#!/usr/bin/env python3
"""Adds up the JUnit files that `meson test` wrote and prints the closing line of ./test."""
import json
import sys
import xml.etree.ElementTree as xml


def timed_out(path):
    """Names of tests that JUnit says nothing bad of: Meson's own log, beside it, does."""
    try:
        with open(path.removesuffix(".junit.xml") + ".json", encoding="utf-8") as log:
            tests = [json.loads(line) for line in log]
    except (OSError, ValueError):
        return []
    return [test["name"] for test in tests if test["result"] in ("TIMEOUT", "INTERRUPT")]


def main(paths):
    passed = failed = skipped = 0
    for path in paths:
        try:
            cases = xml.parse(path).getroot().iter("testcase")
        except (OSError, xml.ParseError) as error:
            print(f"{path}: no result: {error}")
            failed += 1
            continue
        for name in timed_out(path):
            failed += 1
            print(f"timed out: {name}")
        for case in cases:
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print(f"failed: {case.get('classname', '')}.{case.get('name')}")
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                skipped += 1
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
