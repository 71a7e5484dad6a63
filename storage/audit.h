// AuditLog: an append-only, hash-chained record of every verdict a signer gave.
//
// What it proves. Each row's hash covers the row and the hash before it, so a row that was changed,
// removed or moved breaks the chain at its place. Cutting off the newest rows leaves a shorter chain
// that is whole in itself; only an anchor that lies elsewhere (the head's seq and hash, signed and
// published now and then) shows that. Whoever owns the machine and its keys can write another chain
// from any point on, but not one that meets an anchor somebody else has kept.
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
  std::string kind;                    ///< what was asked: "sign", "ecdh", "policy", "lease", …
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

/// A place in the chain.
struct AuditHead {
  std::int64_t seq = 0;  ///< 0: before the first row
  nostr::Sha256 hash;
  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

/// A head that was signed to be shown to others.
struct AuditAnchor {
  AuditHead head;
  UnixTime time;
  std::string event_json;
};

/// Append only; the database itself refuses updates and deletions. App thread.
class AuditLog {
 public:
  explicit AuditLog(Db& db) : db_(db) {}

  /// Appends, kFull; the row as written.
  Result<AuditRow> append(const AuditEntry& entry);
  /// The newest row's place.
  Result<AuditHead> head();
  /// Newest first.
  Result<std::vector<AuditRow>> tail(std::size_t limit);
  /// Rows behind `seq`, oldest first, at most 1000: for exports in pieces.
  Result<std::vector<AuditRow>> after(std::int64_t seq);

  /// Walks the whole chain and holds it against the anchors kept here; the number of rows, or
  /// kCrypto naming the first bad seq or the anchor that is missed.
  Result<std::int64_t> verify();
  /// One step of that walk, from `place` on, which moves; false when the end was reached.
  Result<bool> verify_some(AuditHead& place);
  /// Whether the chain passes through `anchor`; kCrypto when it is shorter or another one.
  Result<void> check_anchor(const AuditHead& anchor);

  /// Keeps a signed head, kFull.
  Result<void> add_anchor(const AuditAnchor& anchor);
  /// Newest first.
  Result<std::vector<AuditAnchor>> anchors(std::size_t limit = 1000);

 private:
  Result<std::optional<nostr::Sha256>> hash_at(std::int64_t seq);
  Db& db_;
};

}  // namespace storage
