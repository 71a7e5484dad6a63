// Key files: one line holding hex, nsec or ncryptsec (NIP-49), mode 0600.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "nostr/base/rng.h"
#include "nostr/crypto/keys.h"
#include "node/home.h"

namespace node {

/// Reads an ordinary secret key; an ncryptsec is opened with the passphrase that
/// node/passphrase.h finds (`passphrase_file`, the environment, the terminal). kDenied when the file is open to
/// others, kInvalid when it holds something else, kCrypto for a wrong passphrase; the content is
/// never echoed.
base::Result<nostr::SecretKey> load_key_file(const std::filesystem::path& path,
                                             const std::string& passphrase_file = "");
/// Writes `key` as hex, mode 0600.
base::Result<void> save_key_file(const std::filesystem::path& path, const nostr::SecretKey& key);
/// Writes `key` as ncryptsec, mode 0600. Blocks for about 0.2 s. `was_in_clear` is told to whoever
/// reads it later (NIP-49's key security byte).
base::Result<void> save_encrypted_key_file(const std::filesystem::path& path,
                                           const nostr::SecretKey& key, std::string_view passphrase,
                                           bool was_in_clear, base::Rng& rng);
/// Loads the key, or makes and saves one when the file does not exist.
base::Result<nostr::SecretKey> load_or_create_key_file(const std::filesystem::path& path, base::Rng& rng);

}  // namespace node
