#!/usr/bin/env python3
"""Writes prelude.cpp: the files of prelude/ as string literals, in the order given.

A word NAME=FILE is a library in CommonJS form: it runs when web.library('NAME') is first asked for,
which answers its exports.
"""
import pathlib
import sys


def literals(text: str) -> str:
    """As string literals of at most 16,000 characters: compilers need not take longer ones."""
    return "\n".join(f'R"prelude({text[i:i + 16000]})prelude"' for i in range(0, len(text), 16000))


def main() -> None:
    out, *paths = sys.argv[1:]
    lines = ['#include "runtime/js/prelude.hpp"', "", "namespace themis::js {", "namespace {", ""]
    lines.append("constexpr PreludeSource kSources[] = {")
    for word in paths:
        library, _, file = word.rpartition("=")
        path = pathlib.Path(file)
        text = path.read_text(encoding="utf-8")
        if not text.isascii():
            sys.exit(f"{path}: holds more than ASCII, which is what V8 reads without a copy")
        if library:
            text = ("'use strict';\nconst module = { exports: {} }, exports = module.exports;\n"
                    f"{text};\nreturn module.exports;\n")
        if ')prelude"' in text:
            sys.exit(f"{path}: holds the end of a raw string")
        lines.append(f'{{"prelude/{path.name}", {literals(text)}, "{library}"}},')
    lines += ["};", "", "}  // namespace", ""]
    lines += ["std::span<const PreludeSource> prelude_sources() { return kSources; }", ""]
    lines += ["}  // namespace themis::js", ""]
    pathlib.Path(out).write_text("\n".join(lines), encoding="utf-8")


main()
