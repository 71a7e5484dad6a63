// How this home is known to a remote signer (NIP-46): the signer's bunker:// text, and our client key.
#pragma once

#include <filesystem>

#include "node/home.h"
#include "nostr/base/rng.h"
#include "nostr/nips/nip46.h"
#include "orchestration/approvals/prompter.h"

namespace node {

struct Pairing {
  nostr::BunkerUri uri;
  nostr::SecretKey client;
  bool paired = false;             ///< the key was let in before: it lies in `key_file`
  std::filesystem::path key_file;  ///< beside this home's other keys
};

/// Reads the bunker:// text in `file` (mode 0600) and the key that its signer knows this home by, or
/// makes one. Errors name the file and never quote it.
base::Result<Pairing> load_pairing(const Home& home, const std::filesystem::path& file, base::Rng& rng);
/// Keeps the client key of a pairing that the signer has let in, mode 0600.
base::Result<void> keep_pairing(const Home& home, const Pairing& pairing);

/// The signer apps that `files` name, relative to the home, for the approval desk.
base::Result<std::vector<orchestration::PromptTarget>> signer_apps_of(
    const Home& home, const std::vector<std::string>& files, base::Rng& rng);

}  // namespace node
