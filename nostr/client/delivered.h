// Which ids a subscription has handed to its owner: each id goes out once.
#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_set>

#include "nostr/event/event.h"

namespace nostr {

/// A bounded set of ids. The app thread inserts; verify threads look, to drop a copy before they
/// parse it. The mutex guards both generations.
class DeliveredIds {
 public:
  /// At least `capacity` / 2 and at most `capacity` ids are remembered.
  explicit DeliveredIds(std::size_t capacity);
  bool contains(const EventId& id) const;
  /// False when `id` was there.
  bool insert(const EventId& id);

 private:
  const std::size_t generation_capacity_;
  mutable std::mutex mutex_;
  std::unordered_set<EventId> young_;
  std::unordered_set<EventId> old_;
};

}  // namespace nostr
