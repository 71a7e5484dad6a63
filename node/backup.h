// Backup and restore of a home, node or co-signer, that cannot bring back what was used up since.
//
// A home in use keeps running while it is copied. What comes back is closed first (storage/restored.h): no
// nonce, question, tick, payment or lease of before is good any more. It also gets a name of its own towards
// the co-signers, so that it and the home it was copied from cannot both act, and a node stays paused until
// its operator has looked, because what was spent since is not known here.
#pragma once

#include <filesystem>
#include <string_view>

#include "node/home.h"
#include "nostr/base/clock.h"
#include "nostr/base/json.h"
#include "nostr/base/rng.h"

namespace node {

/// Writes everything of `home` but its sockets, locks and logs into `file`, under `passphrase`. What was
/// copied. kNotFound when there is no home, kInvalid for an empty passphrase, kIo.
base::Result<base::json::Value> make_backup(const Home& home, const std::filesystem::path& file,
                                            std::string_view passphrase, base::Rng& rng, base::UnixTime now);

/// Puts a backup into `home`, which must not exist yet. What came back and what was closed. kConflict when
/// something is there, kCrypto and kInvalid as open_archive(); then nothing is left behind.
base::Result<base::json::Value> restore_backup(const std::filesystem::path& file, const Home& home,
                                               std::string_view passphrase, base::UnixTime now);

}  // namespace node
