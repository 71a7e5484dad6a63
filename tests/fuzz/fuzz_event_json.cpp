// An accepted event writes itself back to JSON that is accepted as the same event, and hashes
// alike.
#include "nostr/event/event_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  if (const auto event = nostr::parse_event(text)) {
    const std::string json = nostr::to_json(*event);
    const auto again = nostr::parse_event(json);
    CHECK(again && *again == *event);
    CHECK(nostr::to_json(*again) == json);
    CHECK(nostr::compute_id(*event) == nostr::compute_id(nostr::unsigned_part(*event)));
  }
  if (const auto rumor = nostr::parse_unsigned_event(text))
    CHECK(nostr::parse_unsigned_event(nostr::to_json(*rumor)) == *rumor);
  return 0;
}
