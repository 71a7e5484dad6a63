#!/usr/bin/env python3
"""checklist.py must name each kind of mistake, and pass a list without any."""
import importlib.util
import sys

spec = importlib.util.spec_from_file_location("checklist", sys.argv[1])
checklist = importlib.util.module_from_spec(spec)
spec.loader.exec_module(checklist)

LISTING = """Running main() from gtest_main.cc
Plain.Works
Plain.
  IsDone
  IsUndone
Walls/Sandbox.
  EndsTheTree/bubblewrap  # GetParam() = 1
Typed/0.  # TypeParam = int
  Holds
"""
KNOWN = {"Plain.IsDone", "Plain.IsUndone", "Sandbox.EndsTheTree", "Typed.Holds"}
assert KNOWN <= checklist.tests_of(LISTING), checklist.tests_of(LISTING)

GOOD = """# A list

Words about `Nothing.AtAll` that are no requirement.

1. the first – `Plain.IsDone`,
   `Sandbox.EndsTheTree`
2. the second, `as it is` – `interop/a.mjs`, `ctest:e2e_flood`
"""


def wrong(text, lines=2):
    return checklist.mistakes(checklist.requirements(text), lines, KNOWN, lambda name: name == "interop/a.mjs",
                              lambda name: name == "e2e_flood")


assert wrong(GOOD) == [], wrong(GOOD)
assert checklist.requirements(GOOD)[0] == ("1", ["Plain.IsDone", "Sandbox.EndsTheTree"])
NAMED = """- T001. the first – `Plain.IsDone`,
   `Plain.IsUndone`
- T001a. beside it – `Typed.Holds`
- T002. the second – `ctest:e2e_flood`
"""
assert wrong(NAMED) == [], wrong(NAMED)
assert [number for number, _ in checklist.requirements(NAMED)] == ["1", "1a", "2"]
assert wrong(NAMED.replace("`Typed.Holds`", "`Typed.Breaks`")) == ["1a: there is no test Typed.Breaks"]
for text, lines, sentence in [
        (GOOD, 3, "missing: [3]"),
        (GOOD.replace("2. ", "1. "), 2, "not 1 to 2 in order"),
        (GOOD.replace("`Sandbox.EndsTheTree`", "`Sandbox.EndsIt`"), 2, "1: there is no test Sandbox.EndsIt"),
        (GOOD.replace("interop/a.mjs", "interop/b.mjs"), 2, "2: there is no test interop/b.mjs"),
        (GOOD.replace("e2e_flood", "e2e_food"), 2, "2: there is no test ctest:e2e_food"),
        (GOOD.replace("`interop/a.mjs`, `ctest:e2e_flood`", ""), 2, "2 names no test")]:
    said = wrong(text, lines)
    assert len(said) == 1 and sentence in said[0], (sentence, said)
print("ok")
