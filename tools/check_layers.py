#!/usr/bin/env python3
"""Holds the floors: fails when an include points up, when a third-party header is used outside its
owners, or when a header lacks #pragma once. Usage: check_layers.py ROOT. Prints file:line per offence."""
import re
import sys
from pathlib import Path

# Each room may include itself and the rooms listed; a room is the longest matching folder.
BASE = ["nostr/base"]
CRYPTO = BASE + ["nostr/crypto"]
EVENT = CRYPTO + ["nostr/event"]
NIPS = EVENT + ["nostr/nips"]
SIGNER = NIPS + ["nostr/signer"]
NET = BASE + ["nostr/crypto", "nostr/event", "nostr/nips", "nostr/signer", "nostr/net"]
NOSTR = NET + ["nostr/client", "nostr/server"]
STORAGE = NOSTR + ["storage"]
NIPSA = STORAGE + ["nipsa"]
FROSTR = NIPSA + ["frostr/frost", "frostr"]
ORCHESTRATION = FROSTR + ["orchestration"]
MAY_INCLUDE = {
    "nostr/base": BASE,
    "nostr/crypto": CRYPTO,
    "nostr/event": EVENT,
    "nostr/nips": NIPS,
    "nostr/signer": SIGNER,
    "nostr/net": NET,
    "nostr/client": NOSTR,
    "nostr/server": NOSTR,
    "storage": STORAGE,
    "nipsa": NIPSA,
    "frostr/frost": CRYPTO + ["frostr/frost"],  # mathematics only
    "frostr": FROSTR,
    "orchestration": ORCHESTRATION,
    "node": ORCHESTRATION + ["node"],
}

# Third-party headers and the files (as patterns on the path) that may show them.
OWNERS = [
    (r"libwebsockets\.h", r"nostr/net/"),
    (r"secp256k1\w*\.h", r"nostr/crypto/(keys|node_key)\.cpp|frostr/frost/group\.cpp"),
    (r"sqlite3\.h", r"storage/db\.cpp"),
    (r"openssl/", r"nostr/crypto/\w+\.cpp|nostr/base/(rng|bytes)\.cpp|frostr/frost/group\.cpp"),
    (r"simdjson\.h", r"nostr/base/json\.cpp|nostr/event/\w+\.cpp|nostr/event/json_reader\.h"),
    (r"boost/(asio|process)", r"nostr/base/(task\.h|loop\w*\.(h|cpp)|workers\w*\.(h|cpp)|asio_impl\.cpp)"
                              r"|nostr/net/|node/control\w*\.cpp|\w+/\S*process\w*\.cpp"),
    (r"curl/", r"nostr/net/"),
    (r"absl/", r"frostr/quiet_hours\.cpp"),
    (r"seccomp\.h", r"orchestration/sandbox/"),
    (r"sodium|utf8proc", r"nostr/crypto/"),
]
# Tests, fuzzers and tools stand outside the house and see every floor.
OUTSIDE = ("tests", "tools", "cmake")
SKIPPED = ("build", ".git", "node_modules")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def room_of(path):
    rooms = [room for room in MAY_INCLUDE if path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def check_include(path, included, quoted):
    """Why this include is wrong, or None."""
    for header, owners in OWNERS:
        if re.match(header, included) and not re.match(owners, path):
            return f"{included} belongs to " + owners.replace("\\", "")
    if not quoted:
        return None
    target, here = room_of(included), room_of(path)
    if target is None:
        return f'"{included}" is not a path from the root'
    if target not in MAY_INCLUDE[here]:
        return f"{here} may not include {target}"
    return None


def sources(root):
    """Headers and sources. Skipped folders are not entered: builds make and remove files there."""
    for top in sorted(root.iterdir()):
        if top.name in SKIPPED:
            continue
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if file.suffix in (".h", ".cpp"):
                yield file


def offences(root):
    for file in sources(root):
        path = file.relative_to(root).as_posix()
        first = path.split("/")[0]
        lines = file.read_text(encoding="utf-8").splitlines()
        if file.suffix == ".h" and "#pragma once" not in lines:
            yield path, 1, "header lacks #pragma once"
        if first in OUTSIDE:
            continue
        if room_of(path) is None:
            yield path, 1, "file lies on no floor"
            continue
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match:
                problem = check_include(path, match[1] or match[2], match[1] is not None)
                if problem:
                    yield path, number, problem


def main():
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        print("usage: check_layers.py ROOT", file=sys.stderr)
        return 2
    found = list(offences(Path(sys.argv[1])))
    for path, number, problem in found:
        print(f"{path}:{number}: {problem}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
