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

namespace node {

/// A NIP-05 identifier in parts, lower case. "example.com" alone is "_@example.com".
struct InternetName {
  std::string local;
  std::string domain;  ///< perhaps with a port
  std::string str() const { return local + "@" + domain; }
};

/// kInvalid when `text` is none. Pure.
base::Result<InternetName> parse_internet_name(std::string_view text);
/// Whom the document at a domain calls `local`: kNotFound when nobody, kPeer when it is damaged.
/// Pure. Source: NIP-05.
base::Result<nostr::PublicKey> read_names(std::string_view document, std::string_view local);

struct NameOptions {
  std::filesystem::path cache;  ///< a file that remembers answers; empty: nothing is remembered
  std::chrono::seconds keep_for{3'600};
  std::chrono::milliseconds limit{10'000};
  std::string scheme = "https";
  bool allow_private = false;   ///< a stranger's name must not make us knock at our own network
};

/// Asks domains for names. App thread.
class Names {
 public:
  /// References outlive the object.
  Names(base::Loop& loop, const base::Clock& clock, NameOptions options);

  /// npub, nprofile, 64 hex characters, or a NIP-05 identifier. An answer is believed for keep_for.
  base::Task<base::Result<nostr::PublicKey>> find(std::string text);

 private:
  base::Task<base::Result<nostr::PublicKey>> ask(InternetName name);
  std::optional<nostr::PublicKey> recall(const std::string& name) const;
  void remember(const std::string& name, const nostr::PublicKey& key) const;
  base::json::Value read_cache() const;

  const base::Clock& clock_;
  const NameOptions options_;
  nostr::HttpClient http_;
};

}  // namespace node
