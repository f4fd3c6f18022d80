#!/usr/bin/env python3
"""Runs Web Platform Tests in an isolate of ours and compares with expected.json.

usage: run.py WPT [--update] RUNNER_COMMAND...

WPT is the folder that .ci/wpt unpacked. Every `.any.js` of FOLDERS becomes a function: the
harness, the scripts it names, the test; RUNNER_COMMAND FOLDER runs them all. Any difference from
expected.json is a failure, also a test that passes and should not. --update writes what was seen,
keeping reasons; a test without a reason is a failure as well.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = HERE / "expected.json"
# What the summary adds up: title -> folders.
FOLDERS = {
    "url": ["url"],
    "encoding": ["encoding"],
    "streams": ["streams"],
    "abort and events": ["dom/abort", "dom/events"],
    "structured clone": ["html/webappapis/structured-clone"],
    "timers, microtasks, atob": ["html/webappapis/timers", "html/webappapis/microtask-queuing",
                                 "html/webappapis/atob"],
    "WebCryptoAPI": ["WebCryptoAPI"],
    "FileAPI": ["FileAPI"],
    "WebAssembly": ["wasm/jsapi"],
    "DOMException": ["webidl/ecmascript-binding/es-exceptions"],
}
JSON_NAME = re.compile(r"[\"'`]((?:/|\.\./|resources/)[\w./-]+\.json)[\"'`]")
FILES_PER_PROCESS = 40  # a crash takes the results of so many with it


def die(message):
    sys.exit(f"wpt: {message}")


def meta(text, key):
    return re.findall(rf"^// META: {key}=(.*?)\s*$", text, re.MULTILINE)


def resolve(root, test, name):
    return root / name.lstrip("/") if name.startswith("/") else (test.parent / name).resolve()


def script_of(root, test, name):
    path = resolve(root, test, name)
    return root / "resources/webidl2/lib/webidl2.js" if path.name == "WebIDLParser.js" else path


def resources_of(root, test, texts):
    """What fetch() answers in this test: the files that its scripts name in their text."""
    found = {}
    for text in texts:
        for name in re.findall(JSON_NAME, text):
            path = resolve(root, test, name)
            if path.is_file():
                found[name] = path.read_text(encoding="utf-8")
    for text in texts:
        for group in re.findall(r"idl_test\(\s*\[(.*?)\]\s*,\s*\[(.*?)\]", text, re.DOTALL):
            for name in re.findall(r"['\"]([\w-]+)['\"]", " ".join(group)):
                path = root / "interfaces" / f"{name}.idl"
                if path.is_file():
                    found[f"/interfaces/{name}.idl"] = path.read_text(encoding="utf-8")
    return found


def implicit_globals(text):
    """Names that a test makes global by assigning to them: a module must declare them."""
    assigned = set(re.findall(r"^ *([a-z_]\w*) = ", text, re.MULTILINE))
    declared = set(re.findall(r"^ {0,2}(?:async )?(?:var|let|const|function|class)\s+(\w+)", text,
                              re.MULTILINE))
    names = sorted(assigned - declared)
    return f"var {', '.join(names)};" if names else ""


def thunks(text):
    """idlharness.js makes its objects from text, which a function may not: here they are code."""
    expressions = re.findall(r"\[(?:'([^']+)'|\"([^\"]+)\")\]", text)
    listed = ", ".join(f"[{json.dumps(a or b)}]: () => {a or b}" for a, b in expressions)
    return f"const objects_by_text = {{ {listed} }}; self.eval = (text) => objects_by_text[text]();"


def bundle(root, test, variant):
    """The source of a function, and the body of its request."""
    text = test.read_text(encoding="utf-8")
    scripts = []
    for name in meta(text, "script"):
        scripts.append(script_of(root, test, name).read_text(encoding="utf-8"))
    parts = [(HERE / "before.js").read_text(encoding="utf-8"),
             (root / "resources/testharness.js").read_text(encoding="utf-8"),
             (HERE / "between.js").read_text(encoding="utf-8"),
             implicit_globals("\n".join([*scripts, text])),
             thunks(text) if "idl_test" in text else "", *scripts, text,
             (HERE / "after.js").read_text(encoding="utf-8")]
    body = {"title": (meta(text, "title") or [test.name])[0], "variant": variant,
            "path": "/" + test.relative_to(root).as_posix(),
            "files": resources_of(root, test, [*scripts, text])}
    return "\n;\n".join(parts), json.dumps(body)


def tests_of(root):
    """[(title, key, path, variant)], the key being path?variant below the root."""
    out = []
    for title, folders in FOLDERS.items():
        for folder in folders:
            for path in sorted((root / folder).rglob("*.any.js")):
                key = path.relative_to(root).as_posix()
                text = path.read_text(encoding="utf-8")
                if not all(script_of(root, path, name).is_file() for name in meta(text, "script")):
                    continue  # Node.js left out what it needs
                variants = meta(text, "variant") or [""]
                out += [(title, key + variant, path, variant) for variant in variants]
    return out


def run_batch(command, root, batch):
    """{key: {subtest: message or None}} of the tests of one process."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number, (_, _, path, variant) in enumerate(batch):
            source, body = bundle(root, path, variant)
            (folder / f"{number}.js").write_text(source, encoding="utf-8")
            (folder / f"{number}.json").write_text(body, encoding="utf-8")
        ran = subprocess.run([*command, str(folder)], check=False)
        for number, (_, key, _, _) in enumerate(batch):
            out = folder / f"{number}.out"
            answer = (json.loads(out.read_text(encoding="utf-8", errors="replace"))
                      if out.is_file() and out.stat().st_size else
                      {"error": f"the runner ended with {ran.returncode}"})
            results[key] = subtests(answer)
    return results


def run(command, root, tests):
    """{key: {subtest: message or None}}, in the order of `tests`."""
    batches = [tests[start:start + FILES_PER_PROCESS]
               for start in range(0, len(tests), FILES_PER_PROCESS)]
    results = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for each in pool.map(lambda batch: run_batch(command, root, batch), batches):
            results.update(each)
    if all(list(result) == ["(file)"] for result in results.values()):
        die(f"the runner answered nothing: {next(iter(results.values()))['(file)']}")
    return results


def subtests(answer):
    if "error" in answer:
        return {"(file)": answer["error"]}
    out = {}
    for test in answer["tests"]:
        name = re.sub(r"[\x00-\x1f\ud800-\udfff]", lambda m: f"\\u{ord(m.group(0)):04x}",
                      test["name"])
        while name in out:
            name += " (again)"
        out[name] = None if test["status"] == 0 else test["message"] or "no message"
    if answer["status"] != 0:
        out["(harness)"] = answer["message"] or "the harness failed"
    return out


def compare(expected, results):
    """[line]: every difference."""
    wrong = []
    for key, tests in results.items():
        failures = {name: message for name, message in tests.items() if message is not None}
        entry = expected.get(key, {"fails": []})
        should = tests.keys() if entry["fails"] == "all" else entry["fails"]
        wrong += [f"{key}: {name}: {message}" for name, message in failures.items()
                  if name not in should]
        wrong += [f"{key}: {name}: passes; take it out of expected.json" for name in should
                  if name not in failures]
    wrong += [f"{key}: no such test" for key in expected if key not in results]
    return wrong


def update(expected, results):
    out = {}
    for key, tests in sorted(results.items()):
        failures = [name for name, message in tests.items() if message is not None]
        if not failures:
            continue
        out[key] = {"reason": expected.get(key, {}).get("reason", ""),
                    "fails": "all" if len(failures) == len(tests) else sorted(failures)}
    return out


def summary(tests, results):
    counts = collections.defaultdict(lambda: [0, 0])
    for title, key, _, _ in tests:
        counts[title][0] += sum(message is None for message in results[key].values())
        counts[title][1] += len(results[key])
    for title, (passed, total) in counts.items():
        print(f"{title:28} {passed:6} of {total:6}  {100 * passed / total:5.1f} %")


def main():
    words = [word for word in sys.argv[1:] if word != "--update"]
    root = pathlib.Path(words[0])
    if not (root / "resources/testharness.js").is_file():
        die(f"{root}: no tests there; .ci/wpt fetches Debian's source package of Node.js for them")
    tests = tests_of(root)
    version = (root / "VERSION").read_text(encoding="utf-8").strip()
    known = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.is_file() else {}
    expected = known.get("tests", {})
    results = run(words[1:], root, tests)
    summary(tests, results)
    if "--update" in sys.argv:
        new = {"package": version, "tests": update(expected, results)}
        EXPECTED.write_text(json.dumps(new, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
        return 0
    if version != known["package"]:
        die(f"expected.json is of nodejs {known['package']}, the tests are of {version}; "
            "run.py --update, then look at what changed")
    wrong = compare(expected, results)
    wrong += [f"{key}: no reason in expected.json" for key, entry in expected.items()
              if not entry["reason"]]
    for line in wrong[:100]:
        print(line[:400])
    if wrong:
        print(f"wpt: {len(wrong)} differences from expected.json")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
