#!/usr/bin/env python3
"""Writes prelude.cpp: the files of prelude/ as string literals, in the order given."""
import pathlib
import sys


def main() -> None:
    out, *paths = sys.argv[1:]
    lines = ['#include "runtime/js/prelude.hpp"', "", "namespace themis::js {", "namespace {", ""]
    lines.append("constexpr PreludeSource kSources[] = {")
    for path in map(pathlib.Path, paths):
        text = path.read_text(encoding="utf-8")
        if ')prelude"' in text:
            sys.exit(f"{path}: holds the end of a raw string")
        lines.append(f'{{"prelude/{path.name}", R"prelude({text})prelude"}},')
    lines += ["};", "", "}  // namespace", ""]
    lines += ["std::span<const PreludeSource> prelude_sources() { return kSources; }", ""]
    lines += ["}  // namespace themis::js", ""]
    pathlib.Path(out).write_text("\n".join(lines), encoding="utf-8")


main()
