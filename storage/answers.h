// Answers: what models said to programs, kept for a while under the hash of everything that was asked.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "nostr/crypto/hash.h"
#include "storage/db.h"

namespace storage {

/// App thread.
class Answers {
 public:
  struct Limits {
    std::chrono::seconds max_age{7 * 86'400};
    std::int64_t max_bytes = 16 << 20;  ///< of all answers together; the oldest go first
  };
  explicit Answers(Db& db) : Answers(db, Limits{}) {}
  Answers(Db& db, Limits limits) : db_(db), limits_(limits) {}

  /// The answer (JSON) if it is not too old.
  Result<std::optional<std::string>> get(const nostr::Sha256& key, UnixTime now);
  /// Keeps or replaces it, and drops what is too old or too much; kNormal.
  Result<void> put(const nostr::Sha256& key, std::string_view program, std::string_view answer, UnixTime now);
  /// Drops every answer of `program`; how many.
  Result<std::int64_t> forget(std::string_view program);

 private:
  Result<void> make_room(UnixTime now);
  Db& db_;
  Limits limits_;
};

}  // namespace storage
