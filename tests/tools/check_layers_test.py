#!/usr/bin/env python3
"""check_layers.py must name each kind of offence, with its line, and pass a tree without any."""
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKER = Path(sys.argv[1]).resolve()

CLEAN = {
    "nostr/base/bytes.h": "#pragma once\n",
    "nostr/base/rng.cpp": '#include "nostr/base/bytes.h"\n#include <openssl/rand.h>\n',
    "nostr/event/event.h": '#pragma once\n#include "nostr/base/bytes.h"\n',
    "frostr/frost/sign.cpp": '#include "nostr/crypto/hash.h"\n#include "frostr/frost/group.h"\n',
    "frostr/cosigner.cpp": '#include "nipsa/tick.h"\n#include "storage/db.h"\n#include "frostr/frost/sign.h"\n',
    "node/main.cpp": '#include <vector>\n#include "orchestration/session.h"\n',
    "tests/nostr/x_test.cpp": '#include "node/node.h"\n#include <sqlite3.h>\n',
}

OFFENCES = [
    ("storage/db.cpp", '\n#include "node/node.h"\n', "storage/db.cpp:2: storage may not include node"),
    ("nostr/base/log.cpp", '#include "nostr/crypto/hash.h"\n', "nostr/base/log.cpp:1: nostr/base may not include nostr/crypto"),
    ("nostr/nips/nip01.cpp", '#include "nostr/client/pool.h"\n', "nostr/nips/nip01.cpp:1: nostr/nips may not include nostr/client"),
    ("nipsa/tick.cpp", '#include "frostr/peers.h"\n', "nipsa/tick.cpp:1: nipsa may not include frostr"),
    ("frostr/frost/dkg.cpp", '#include "nostr/event/event.h"\n', "frostr/frost/dkg.cpp:1: frostr/frost may not include nostr/event"),
    ("frostr/frost/ecdh.cpp", '#include "frostr/peers.h"\n', "frostr/frost/ecdh.cpp:1: frostr/frost may not include frostr"),
    ("storage/events.cpp", "#include <sqlite3.h>\n", "storage/events.cpp:1: sqlite3.h belongs to"),
    ("node/cli/key.cpp", "#  include  <openssl/evp.h>\n", "node/cli/key.cpp:1: openssl/evp.h belongs to"),
    ("frostr/peers.cpp", "#include <secp256k1.h>\n", "frostr/peers.cpp:1: secp256k1.h belongs to"),
    ("nostr/client/pool.cpp", "#include <libwebsockets.h>\n", "nostr/client/pool.cpp:1: libwebsockets.h belongs to"),
    ("nostr/client/x.cpp", "#include <simdjson.h>\n", "nostr/client/x.cpp:1: simdjson.h belongs to"),
    ("orchestration/x.cpp", "#include <boost/asio/post.hpp>\n", "orchestration/x.cpp:1: boost/asio/post.hpp belongs to"),
    ("node/bare.h", "// no guard\n", "node/bare.h:1: header lacks #pragma once"),
    ("node/near.cpp", '#include "near.h"\n', 'node/near.cpp:1: "near.h" is not a path from the root'),
    ("util/misc.h", "#pragma once\n", "util/misc.h:1: file lies on no floor"),
]


def run(files):
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return subprocess.run([sys.executable, CHECKER, folder], capture_output=True, text=True, check=False)


def main():
    failed = []
    clean = run(CLEAN)
    if clean.returncode != 0 or clean.stdout:
        failed.append(f"clean tree: {clean.returncode} {clean.stdout}{clean.stderr}")
    for path, text, expected in OFFENCES:
        result = run({**CLEAN, path: text})
        lines = result.stdout.splitlines()
        if result.returncode != 1 or len(lines) != 1 or not lines[0].startswith(expected):
            failed.append(f"{path}: wanted {expected!r}, got {result.returncode} {result.stdout!r}{result.stderr}")
    print("\n".join(failed) or f"{len(OFFENCES)} offences named")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
