// Key files: one line holding hex or nsec, mode 0600.
#pragma once

#include <filesystem>

#include "nostr/base/rng.h"
#include "nostr/crypto/keys.h"
#include "node/home.h"

namespace node {

/// Reads an ordinary secret key. kDenied when the file is open to others, kInvalid when it holds
/// something else; the content is never echoed.
base::Result<nostr::SecretKey> load_key_file(const std::filesystem::path& path);
/// Writes `key` as hex, mode 0600.
base::Result<void> save_key_file(const std::filesystem::path& path, const nostr::SecretKey& key);
/// Loads the key, or makes and saves one when the file does not exist.
base::Result<nostr::SecretKey> load_or_create_key_file(const std::filesystem::path& path, base::Rng& rng);

}  // namespace node
