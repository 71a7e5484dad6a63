// Read in pages, so that bodies of a large table are not in memory at once.
#include "storage/sync_events.h"

namespace storage {

namespace {
constexpr std::uint32_t kPage = 2'000;
}

Result<std::vector<nostr::NegItem>> SyncEvents::items(const nostr::Filter& filter) {
  const UnixTime now = clock_.now();
  std::vector<nostr::NegItem> out;
  nostr::Filter page = filter;
  page.limit = kPage;
  for (;;) {
    TRY(const std::vector<Event> found, events_.query({page}, *page.limit, now));
    for (const Event& event : found) out.push_back({event.created_at, event.id});
    if (found.size() < *page.limit) return out;
    // The next page begins with the oldest second of this one again.
    const UnixTime oldest = found.back().created_at;
    const bool one_second = found.front().created_at == oldest;
    while (!out.empty() && out.back().created_at == oldest) out.pop_back();
    page.limit = one_second ? *page.limit * 2 : kPage;
    page.until = oldest;
  }
}

Result<void> SyncEvents::put(std::span<const nostr::EventPtr> events) {
  std::vector<Event> batch;
  batch.reserve(events.size());
  for (const nostr::EventPtr& event : events) batch.push_back(*event);
  TRY(events_.insert_batch(batch, clock_.now()));
  return {};
}

}  // namespace storage
