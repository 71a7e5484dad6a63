#!/usr/bin/env python3
"""Checks that checklists of requirements name only tests that exist.

usage: checklist.py FILE=LINES... BINARY...

A FILE is Markdown; a requirement is a line "N. text – `Suite.Test`, `Suite.Test`", which may go on in
indented lines. N may be written "- T007", and one with a letter behind it, "T128a", stands between two
numbers. Requirements are numbered 1 to LINES without a gap, each names at least one test, and each test is one of the gtest BINARYs' (a parameterised one without its instance: `Suite.Test`), or
a file below tests/, like `interop/approvals.mjs`, or a ctest entry named `ctest:NAME`.
"""
import os
import re
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REQUIREMENT = re.compile(r"(?:- )?T?0*(\d+[a-z]?)\. ")
NAME = re.compile(r"`((?:[A-Z]\w*\.[A-Za-z]\w{3,})|(?:[\w/-]+\.(?:mjs|py|sh))|(?:ctest:\w+))`")


def tests_of(listing):
    """The `Suite.Test` names in what --gtest_list_tests prints."""
    out = set()
    suite = ""
    for line in listing.splitlines():
        line = line.split("#")[0].rstrip()
        if not line:
            continue
        if not line.startswith(" "):
            suite = line.rstrip(".").split("/")[-1 if not line.rstrip(".").split("/")[-1].isdigit() else -2]
        else:
            out.add(suite + "." + line.strip().split("/")[0])
    return out


def requirements(text):
    """Pairs of number and the names it gives, in the order of the file."""
    out = []
    for line in text.splitlines():
        start = REQUIREMENT.match(line)
        if start:
            out.append((start.group(1), []))
        elif not line.startswith("   "):
            continue
        if out:
            out[-1][1].extend(NAME.findall(line))
    return out


def mistakes(found, lines, known, is_file, is_ctest):
    """What is wrong with the requirements, a sentence each."""
    out = []
    numbers = [int(number) for number, _ in found if number.isdigit()]
    if numbers != list(range(1, lines + 1)):
        missing = sorted(set(range(1, lines + 1)) - set(numbers))
        out.append(f"the numbers are not 1 to {lines} in order; missing: {missing}")
    for number, names in found:
        if not names:
            out.append(f"{number} names no test")
        for name in names:
            there = name in known
            if name.startswith("ctest:"):
                there = is_ctest(name[len("ctest:"):])
            elif "/" in name:
                there = is_file(name)
            if not there:
                out.append(f"{number}: there is no test {name}")
    return out


def ctest_entries():
    """Names given to add_test and sovereign_e2e anywhere below tests/."""
    out = set()
    for folder, _, files in os.walk(TESTS):
        if "CMakeLists.txt" in files:
            with open(os.path.join(folder, "CMakeLists.txt"), encoding="utf-8") as file:
                text = file.read()
            out.update(re.findall(r"add_test\(NAME (\w+)", text))
            out.update("e2e_" + name for name in re.findall(r"sovereign_e2e\((\w+)", text))
    return out


def main(arguments):
    lists = [argument.rsplit("=", 1) for argument in arguments if "=" in argument]
    known = set()
    for binary in (argument for argument in arguments if "=" not in argument):
        known |= tests_of(subprocess.run([binary, "--gtest_list_tests"], check=True, capture_output=True, text=True).stdout)
    entries = ctest_entries()
    wrong = []
    for path, lines in lists:
        with open(path, encoding="utf-8") as file:
            found = requirements(file.read())
        wrong += [f"{path}: {sentence}" for sentence in
                  mistakes(found, int(lines), known, lambda name: os.path.isfile(os.path.join(TESTS, name)), lambda name: name in entries)]
        print(f"{path}: {len(found)} requirements, {sum(len(names) for _, names in found)} names, {len(known)} tests known")
    print("\n".join(wrong))
    return 1 if wrong or not lists else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
