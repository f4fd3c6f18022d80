#!/usr/bin/env python3
"""Checks the tree against policy.json: includes, cycles, sizes, banned words, the form of headers.

Prints `file:line: rule: message` and exits 1 when something is wrong. Every run first checks itself
on the samples in bad/, each of which must be flagged with exactly the rules that it names.
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POLICY = json.loads((HERE / "policy.json").read_text(encoding="utf-8"))
SIZES = POLICY["sizes"]
CODE_SUFFIXES = (".hpp", ".cpp")

LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
TYPE_HEAD = re.compile(r"^(?:(?:public|private|protected)\s*:\s*|inline\s+|static\s+|typedef\s+"
                       r"|constexpr\s+|const\s+)*(?:class|struct|union|enum|namespace|extern)\b")


class Report:
    def __init__(self):
        self.errors = []
        self.warnings = []

    def error(self, path, line, rule, message):
        self.errors.append((path, line, rule, message))

    def warn(self, path, line, rule, message):
        self.warnings.append((path, line, rule, message))


def within(path, prefixes):
    return any(path == p or path.startswith(p + "/") for p in prefixes)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def blank(text):
    """The code without comments and literals, line for line and column for column."""
    def spaces(match):
        found = match.group(0)
        inner = re.sub(r"[^\n]", " ", found)
        return '"' + inner[1:-1] + '"' if found[0] in "\"R" and len(found) > 1 else inner
    return LITERALS.sub(spaces, text)


def folder_of(path):
    """runtime/net/loop.hpp -> runtime/net, wire/ids.hpp -> wire, apps/themis/main.cpp -> apps."""
    parts = path.split("/")[:-1]
    if not parts:
        return ""
    return parts[0] if parts[0] in ("wire", "apps", "tests", "bench") else "/".join(parts[:2])


def floor_of(folder):
    for number, names in enumerate(POLICY["floors"]):
        if within(folder, names):
            return number
    return None


def includes_of(text):
    """[(line, quoted, target)]; public headers count as quoted, by their path in the tree."""
    public = POLICY["public_headers"]
    found = []
    for match in INCLUDE.finditer(text):
        quoted, target = match.group(1) == '"', match.group(2)
        if target.startswith(public["prefix"]):
            quoted, target = True, public["folder"] + "/" + target
        found.append((line_of(text, match.start(2)), quoted, target))
    return found


def check_project_include(report, path, line, target, tree):
    folder, other = folder_of(path), folder_of(target)
    if target not in tree:
        report.error(path, line, "include-path", f'"{target}" is no file from the root of the tree')
        return
    if folder == other or within(path, POLICY["may_include_all"]):
        return
    mine, theirs = floor_of(folder), floor_of(other)
    if mine is None or theirs is None:
        report.error(path, line, "include-floor", f"{folder} may not include {other}")
    elif theirs < mine:
        report.error(path, line, "include-floor", f"{folder} is below {other}")
    elif any(within(folder, [a]) and within(other, [b]) for a, b in POLICY["strangers"]):
        report.error(path, line, "include-floor", f"{folder} and {other} do not know each other")
    elif folder in POLICY["folders"] and not within(other, POLICY["folders"][folder]):
        allowed = ", ".join(POLICY["folders"][folder]) or "nothing"
        report.error(path, line, "include-policy", f"{folder} includes {allowed}; not {other}")


def check_library_include(report, path, line, target):
    if within(path, POLICY["may_include_all"]):
        return
    for name, library in POLICY["libraries"].items():
        if re.match(library["include"], target):
            if not within(path, library["home"]):
                home = ", ".join(library["home"])
                report.error(path, line, "library-home", f"{name} is at home in {home}")
            return
    if not re.fullmatch(POLICY["system_headers"], target):
        report.error(path, line, "library-home", f"<{target}> has no home in policy.json")


def check_includes(report, path, text, tree):
    found = includes_of(text)
    for line, quoted, target in found:
        if re.fullmatch(POLICY["schemas"]["include"], target):
            if not within(path, POLICY["schemas"]["home"] + POLICY["may_include_all"]):
                report.error(path, line, "include-policy", f"{folder_of(path)} knows no schema")
        elif quoted and not target.endswith(".inc"):
            check_project_include(report, path, line, target, tree)
        elif not quoted:
            check_library_include(report, path, line, target)
    own = path[:-4] + ".hpp"
    if path.endswith(".cpp") and own in tree and (not found or found[0][2] != own):
        report.error(path, 1, "own-header", f'the first include is "{own}"')


def check_cycles(report, tree):
    """Refuses a path of includes that leaves a folder and comes back to it."""
    edges = {}
    for path, text in tree.items():
        if not path.endswith(CODE_SUFFIXES) or within(path, POLICY["may_include_all"]):
            continue
        for line, quoted, target in includes_of(text):
            if quoted and target in tree and folder_of(target) != folder_of(path):
                edges.setdefault(folder_of(path), {})[folder_of(target)] = (path, line)
    done, trail = set(), []

    def visit(folder):
        if folder in trail:
            cycle = trail[trail.index(folder):] + [folder]
            path, line = edges[cycle[-2]][folder]
            report.error(path, line, "include-cycle", " -> ".join(cycle))
            return
        if folder in done:
            return
        trail.append(folder)
        for other in edges.get(folder, {}):
            visit(other)
        trail.pop()
        done.add(folder)

    for folder in sorted(edges):
        visit(folder)


def check_public_headers(report, tree):
    """A user of the public headers must not meet the libraries behind them, not even indirectly."""
    public = POLICY["public_headers"]
    hidden = [(n, re.compile(POLICY["libraries"][n]["include"])) for n in public["hides"]]
    for start in tree:
        if not within(start, [public["folder"]]) or not start.endswith(".hpp"):
            continue
        seen, todo = {start}, [start]
        while todo:
            path = todo.pop()
            for line, quoted, target in includes_of(tree[path]):
                for name, pattern in hidden:
                    if pattern.match(target):
                        report.error(path, line, "public-header", f"{start} shows {name}")
                if quoted and target in tree and target not in seen:
                    seen.add(target)
                    todo.append(target)


def functions_of(code):
    """Yields (first line, lines) of every function body outside another one, in blanked code."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda m: re.sub(r"[^\n]", " ", m.group(0)), code, flags=re.MULTILINE)
    scopes = []     # what each open brace is: "type", "body" or "data"
    head_from = 0   # where the text before the next brace starts
    body_line = 0
    for mark in re.finditer(r"[{};]", code):
        at, what = mark.start(), mark.group(0)
        outside = all(scope == "type" for scope in scopes)
        if what == "{":
            head = re.sub(r"\btemplate\s*<[^{};]*?>\s*(?=[\w\[])", "", code[head_from:at]).strip()
            if not outside:
                scopes.append("data")
            elif TYPE_HEAD.match(head):
                scopes.append("type")
            elif re.search(r"\)[\w\s]*:[^:]", head) and re.search(r"[\w>]$", head):
                scopes.append("member")  # a braced initialiser: the body is still to come
                continue
            elif ")" in head and head.rfind("=") < head.rfind(")"):
                scopes.append("body")
                text = code[head_from:at]
                body_line = line_of(code, head_from + len(text) - len(text.lstrip()))
            else:
                scopes.append("data")
            head_from = at + 1
        elif what == "}" and scopes:
            kind = scopes.pop()
            if kind == "body":
                yield body_line, line_of(code, at) - body_line + 1
            if kind != "member":
                head_from = at + 1
        elif what == ";" and "member" not in scopes:
            head_from = at + 1


def check_sizes(report, path, text, code):
    lines = text.count("\n") + (0 if text.endswith("\n") else 1)
    if path.endswith(".hpp") and lines > SIZES["header_lines_max"]:
        report.error(path, 1, "file-size",
                     f"{lines} lines; a header has {SIZES['header_lines_max']}")
    if path.endswith(".cpp") and lines > SIZES["source_lines_max"]:
        report.error(path, 1, "file-size", f"{lines} lines; never over {SIZES['source_lines_max']}")
    elif path.endswith(".cpp") and lines > SIZES["source_lines_good"]:
        report.warn(path, 1, "file-size", f"{lines} lines; aim below {SIZES['source_lines_good']}")
    if within(path, ["apps"]) and path.endswith("/main.cpp") and lines > SIZES["main_lines_max"]:
        report.error(path, 1, "file-size", f"{lines} lines; a main has {SIZES['main_lines_max']}")
    for line, length in functions_of(code):
        if length > SIZES["function_lines_max"]:
            report.error(path, line, "function-size",
                         f"{length} lines; at most {SIZES['function_lines_max']}")


def check_text(report, path, text, code):
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > SIZES["columns_max"] and path.endswith(tuple(SIZES["columns_in"])):
            report.error(path, number, "columns", f"{len(line)}; at most {SIZES['columns_max']}")
        if "\t" in line:
            report.error(path, number, "tab", "spaces indent here")
        if line.endswith((" ", "\r")):
            report.error(path, number, "trailing-space", "white space at the end of the line")
    for rule in POLICY["banned"]:
        if within(path, rule.get("except", [])):
            continue
        if "only" in rule and not within(path, rule["only"]):
            continue
        if rule["in"] == "code" and code is None:
            continue
        where = code if rule["in"] == "code" else text
        for match in re.finditer(rule["pattern"], where):
            report.error(path, line_of(where, match.start()), rule["rule"],
                         f"{match.group(0).strip()}: {rule['why']}")


def check_header_form(report, path, text):
    lines = text.split("\n")
    if lines[0] != "#pragma once":
        report.error(path, 1, "header-form", "the first line is #pragma once")
    elif len(lines) < 2 or not re.match(r"// \S.{15,}", lines[1]):
        report.error(path, 2, "header-form", "the second line says what the file is for")


def check(tree):
    """`tree` maps paths from the root to texts."""
    report = Report()
    for path, text in sorted(tree.items()):
        if not path.endswith(tuple(POLICY["text_suffixes"])):
            continue
        code = blank(text) if path.endswith(CODE_SUFFIXES) else None
        check_text(report, path, text, code)
        if code is None:
            continue
        check_includes(report, path, text, tree)
        check_sizes(report, path, text, code)
        if path.endswith(".hpp"):
            check_header_form(report, path, text)
    check_cycles(report, tree)
    check_public_headers(report, tree)
    return report


def read_tree():
    tree = {}
    todo = [ROOT]
    while todo:
        for entry in todo.pop().iterdir():
            path = entry.relative_to(ROOT).as_posix()
            if entry.name in POLICY["skip"] or path in POLICY["skip"] or entry.is_symlink():
                continue
            if entry.is_dir():
                if not (entry / "meson-private").exists():  # a build folder
                    todo.append(entry)
            elif entry.suffix in POLICY["text_suffixes"] or entry.name == "meson.build":
                tree[path] = entry.read_text(encoding="utf-8")
    return tree


def read_sample(sample):
    """`expect: RULE...`, then files, each after `=== path`; `@N@` stands for N empty statements."""
    text = sample.read_text(encoding="utf-8")
    first, *parts = re.split(r"^=== (.+)\n", text, flags=re.MULTILINE)
    tree = {}
    for path, text in zip(parts[::2], parts[1::2]):
        tree[path] = re.sub(r"@(\d+)@", lambda m: "  ;\n" * int(m.group(1)), text)
    return first.split(":", 1)[1].split(), tree


def check_samples():
    """A check that flags nothing is worth nothing: returns the samples not flagged as they say."""
    samples = sorted((HERE / "bad").glob("*.txt"))
    wrong, flagged = [], set()
    for sample in samples:
        expected, tree = read_sample(sample)
        found = sorted({rule for _, _, rule, _ in check(tree).errors})
        flagged.update(found)
        if found != sorted(expected):
            wrong.append(f"bad/{sample.name}: expected {sorted(expected)}, flagged {found}")
    untested = set(re.findall(r'report\.error\([^"\[]*"([a-z-]+)"',
                              Path(__file__).read_text(encoding="utf-8")))
    untested |= {rule["rule"] for rule in POLICY["banned"]}
    wrong += [f"no sample in bad/ is flagged as {rule}" for rule in sorted(untested - flagged)]
    return wrong


def main():
    wrong = check_samples()
    for message in wrong:
        print(f"tests/tidy/{message}")
    tree = read_tree()
    report = check(tree)
    for path, line, rule, message in report.warnings:
        print(f"{path}:{line}: warning: {rule}: {message}")
    for path, line, rule, message in report.errors:
        print(f"{path}:{line}: {rule}: {message}")
    print(f"tidy: {len(tree)} files, {len(report.errors)} errors, {len(wrong)} samples wrong")
    return 1 if report.errors or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
