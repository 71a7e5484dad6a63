// The skills this home holds licences for, encrypted as they came: nothing here is in plaintext.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "storage/events.h"

namespace storage {

/// A skill this agent has a licence for.
struct HoldingRow {
  std::string licence;  ///< address of the 39220
  std::string skill;    ///< address of the 33400
  std::string slug;
  std::string version;
  Event event;          ///< the licence as last seen
  std::string delivery; ///< the rumor (39221) as it came
  PublicKey provider;   ///< who sealed it
  UnixTime received;
};

/// App thread. Changes are kFull, or with the caller's transaction.
class Holdings {
 public:
  explicit Holdings(Db& db) : db_(db) {}

  /// Adds or replaces.
  Result<void> put(const HoldingRow& holding);
  Result<std::optional<HoldingRow>> get(std::string_view licence);
  /// Newest first.
  Result<std::vector<HoldingRow>> list(std::int64_t limit);

  /// Keeps the ciphertext a delivery refers to; a second time changes nothing.
  Result<void> put_blob(const nostr::Sha256& hash, base::ByteView bytes);
  Result<bool> has_blob(const nostr::Sha256& hash);
  Result<std::optional<base::Bytes>> blob(const nostr::Sha256& hash);

  /// Remembers that `tick` uses a skill, so that a restart opens it again under the same claim.
  Result<void> add_load(std::string_view tick, std::string_view licence);
  /// Licences in the order they were first used.
  Result<std::vector<std::string>> loads(std::string_view tick);

 private:
  Db& db_;
};

}  // namespace storage
