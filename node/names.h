// Names: NIP-05 identifiers (bob@example.com) asked for over HTTPS, and keys in any form.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "nostr/base/clock.h"
#include "nostr/base/json.h"
#include "nostr/base/loop.h"
#include "nostr/crypto/keys.h"
#include "nostr/net/http_client.h"
#include "nostr/nips/nip05.h"

namespace node {

struct NameOptions {
  std::filesystem::path cache;  ///< a file that remembers answers; empty: nothing is remembered
  std::chrono::seconds keep_for{3'600};
  std::chrono::milliseconds limit{10'000};
  /// For tests: plain HTTP, at loopback. A stranger's name must not make us knock at our own network.
  bool trust_local = false;
};

/// Asks domains for names. App thread.
class Names {
 public:
  /// References outlive the object.
  Names(base::Loop& loop, const base::Clock& clock, NameOptions options);

  /// npub, nprofile, 64 hex characters, or a NIP-05 identifier. An answer is believed for keep_for.
  base::Task<base::Result<nostr::PublicKey>> find(std::string text);

 private:
  base::Task<base::Result<nostr::PublicKey>> ask(nostr::InternetIdentifier name);
  std::optional<nostr::PublicKey> recall(const std::string& name) const;
  void remember(const std::string& name, const nostr::PublicKey& key) const;
  base::json::Value read_cache() const;

  const base::Clock& clock_;
  const NameOptions options_;
  nostr::HttpClient http_;
};

}  // namespace node
