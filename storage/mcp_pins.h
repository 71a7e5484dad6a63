// McpPins: which description of a server's tool the operator has agreed to.
#pragma once

#include <optional>
#include <string_view>

#include "nostr/crypto/hash.h"
#include "storage/db.h"

namespace storage {

/// App thread; writes are kFull.
class McpPins {
 public:
  explicit McpPins(Db& db) : db_(db) {}

  /// The hash agreed to for `tool` ("server__tool"); nullopt when there was none yet.
  Result<std::optional<nostr::Sha256>> get(std::string_view tool);
  Result<void> put(std::string_view tool, const nostr::Sha256& hash, UnixTime now);

 private:
  Db& db_;
};

}  // namespace storage
