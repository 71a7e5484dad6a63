// AuditLog: an append-only, hash-chained record of every verdict a signer gave.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nostr/crypto/hash.h"
#include "nostr/event/event.h"
#include "storage/db.h"

namespace storage {

/// What is recorded; the log adds seq and the chain.
struct AuditEntry {
  UnixTime time;
  std::string requester;               ///< who asked: public key or member index
  std::string kind;                    ///< what was asked: "sign", "ecdh", "ping", …
  std::optional<nostr::Sha256> digest; ///< action digest or sighash
  std::string verdict;                 ///< "signed", "refused", "ask", …
  std::string reason;                  ///< for a person
  std::optional<nostr::EventId> event_id;
};

struct AuditRow {
  std::int64_t seq = 0;  ///< 1, 2, 3 … without gaps
  AuditEntry entry;
  nostr::Sha256 prev;  ///< hash of row seq-1, zero for the first
  nostr::Sha256 hash;  ///< SHA-256(prev ‖ canonical JSON of seq and entry)
};

/// Append only; the database itself refuses updates and deletions. App thread.
class AuditLog {
 public:
  explicit AuditLog(Db& db) : db_(db) {}

  /// Appends, kFull; the row as written.
  Result<AuditRow> append(const AuditEntry& entry);
  /// Newest first.
  Result<std::vector<AuditRow>> tail(std::size_t limit);
  /// Walks the whole chain; the number of rows, or kCrypto naming the first bad seq.
  Result<std::int64_t> verify();

 private:
  Db& db_;
};

}  // namespace storage
