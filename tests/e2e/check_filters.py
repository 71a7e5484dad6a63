#!/usr/bin/env python3
"""Fails when a test of the e2e program fits none of the filters that ctest runs it by.

usage: check_filters.py PROGRAM FILTER...
"""
import fnmatch
import subprocess
import sys


def tests_of(program):
    suite = ""
    for line in subprocess.run([program, "--gtest_list_tests"], check=True, capture_output=True, text=True).stdout.splitlines():
        name = line.split("#")[0].rstrip()
        if not name:
            continue
        if not name.startswith(" "):
            suite = name
        else:
            yield suite + name.strip()


def main():
    program, patterns = sys.argv[1], [one for text in sys.argv[2:] for one in text.split(":")]
    left_out = [test for test in tests_of(program) if not any(fnmatch.fnmatchcase(test, one) for one in patterns)]
    for test in left_out:
        print("no filter of tests/e2e/CMakeLists.txt takes", test)
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
