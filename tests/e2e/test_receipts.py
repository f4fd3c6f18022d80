"""`themis receipt verify`: the receipts of real monitors, and what a host could make of them."""
import json
import subprocess
import tempfile
from pathlib import Path

from test_programs import one_line, program


def cases(build):
    return json.loads(subprocess.run([Path(build) / "tests/unit/enclave/receipt-cases"], timeout=60,
                                     capture_output=True, check=True).stdout)


def test_a_receipt_is_judged_offline(build):
    with tempfile.TemporaryDirectory() as folder:
        file, seen = Path(folder) / "receipt", Path(folder) / "seen"
        judged = {True: 0, False: 0}
        for case in cases(build):
            file.write_text(case["text"])
            words = ["receipt", "verify", file, "--key", case["key"]]
            if case["seen"]:
                seen.write_text(case["seen"])
                words += ["--seen", seen]
            done = program(build, "themis", *words)
            judged[case["accepted"]] += 1
            if not case["accepted"]:
                one_line(done, 1, f"themis: {file}: ")
                assert done.stdout == "", case["name"]
                continue
            assert done.returncode == 0 and done.stdout.startswith("valid "), (case["name"], done)
            done = program(build, "themis", *words, "--json")
            shown, receipt = json.loads(done.stdout), json.loads(case["text"])
            assert shown["valid"] is True, shown
            for name in ("thread", "client", "function", "keys", "arguments", "result"):
                assert shown[name] == receipt[name], (name, shown)
        assert judged[True] >= 15 and judged[False] >= 40, judged


def test_receipt_verify_says_what_it_needs(build):
    key = "00" * 32
    verify = ["receipt", "verify", "none"]
    one_line(program(build, "themis", *verify, "--key", key), 1, "none: no such file")
    one_line(program(build, "themis", *verify, "--key", "12"), 2, "--key", "64")
    one_line(program(build, "themis", *verify), 2, "--key")
    one_line(program(build, "themis", "receipt"), 2, "themis --help")
    shown = program(build, "themis", "receipt", "verify", "--help")
    assert shown.returncode == 0 and "--seen" in shown.stdout, shown
