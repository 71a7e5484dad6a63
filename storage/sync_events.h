// The event table as one side of a sync.
#pragma once

#include "nostr/client/sync.h"
#include "storage/events.h"

namespace storage {

/// nostr::LocalEvents over the event table. App thread; a sync of a large table holds it up, so
/// programs that serve others leave that to a process of its own.
class SyncEvents final : public nostr::LocalEvents {
 public:
  SyncEvents(EventDb& events, const base::Clock& clock) : events_(events), clock_(clock) {}

  Result<std::vector<nostr::NegItem>> items(const nostr::Filter& filter) override;
  Result<std::optional<Event>> get(const EventId& id) override { return events_.get(id); }
  Result<void> put(std::span<const nostr::EventPtr> events) override;

 private:
  EventDb& events_;
  const base::Clock& clock_;
};

}  // namespace storage
