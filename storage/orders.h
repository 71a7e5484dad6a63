// Orders: what operators told this process to do, each once and in the order of its number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/events.h"

namespace storage {

struct OrderRow {
  EventId id;           ///< of the event, or of the rumor inside a wrap
  PublicKey author;
  std::uint64_t nonce = 0;  ///< rises with each order of one author
  std::string text;     ///< as read, e.g. "pause: WHY"
  std::string channel;  ///< nip17, nip04, order
  std::string outcome;  ///< what was answered
  UnixTime said_at;
  UnixTime received_at;
  std::string raw_json;  ///< the event or rumor
};

/// App thread. Writes are kFull and join the caller's Tx if one is open.
class Orders {
 public:
  explicit Orders(Db& db) : db_(db) {}

  /// kConflict when an order of this author with the same number or a higher one is there.
  Result<void> add(const OrderRow& row);
  Result<bool> has(const EventId& id);
  /// The highest number of an author's orders; 0 when there is none.
  Result<std::uint64_t> last_nonce(const PublicKey& author);
  /// Newest first.
  Result<std::vector<OrderRow>> history(std::size_t limit);

 private:
  Db& db_;
};

}  // namespace storage
