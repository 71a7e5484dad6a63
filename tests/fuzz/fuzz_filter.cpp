// An accepted filter writes itself back as the same filter, and matches an event as its copy does.
#include "nostr/event/filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto filter = nostr::parse_filter(base::as_text({data, size}));
  if (!filter) return 0;
  const auto again = nostr::parse_filter(nostr::to_json(*filter));
  CHECK(again && *again == *filter);
  // An event made of the filter's own first values, so that a match is within reach.
  nostr::Event event;
  if (!filter->ids.empty()) event.id = filter->ids.front();
  if (!filter->authors.empty()) event.pubkey = filter->authors.front();
  if (!filter->kinds.empty()) event.kind = filter->kinds.front();
  event.created_at = filter->since.value_or(filter->until.value_or(base::unix_time(0)));
  for (const auto& [letter, values] : filter->tags)
    event.tags.push_back({std::string(1, letter), values.front()});
  const bool in_order = !filter->since || !filter->until || *filter->since <= *filter->until;
  CHECK(nostr::matches(*filter, event) == in_order);
  return 0;
}
