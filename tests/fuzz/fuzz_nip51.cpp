// Lists: the public part and, once decrypted, the private one come back as they were read, within
// their bounds.
//
// Input: an event as event_text.h has it; its content is read as private items.
#include "nostr/base/bytes.h"
#include "nostr/base/utf8.h"
#include "nostr/nips/nip51.h"
#include "tests/fuzz/event_text.h"

namespace {

constexpr std::size_t kMaxItems = 10'000;

void check_private_items(std::string_view text) {
  const auto items = nostr::parse_private_items(text);
  if (!items) return;
  CHECK(items->size() <= kMaxItems);
  for (const nostr::Tag& item : *items) CHECK(!item.empty());
  const std::string written = nostr::build_private_items(*items);
  CHECK(written.empty() == items->empty());
  if (!items->empty()) CHECK(nostr::parse_private_items(written).value() == *items);
}

void check_list(const nostr::Event& event) {
  const auto list = nostr::parse_list(event);
  if (!list) return;
  CHECK(list->public_items.size() <= kMaxItems && list->private_items.empty());
  const nostr::Event own = fuzz::event_of(nostr::build_list(*list, event.content, fuzz::kNow));
  CHECK(own.content == event.content);
  CHECK(nostr::parse_list(own).value() == *list);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  check_private_items(text);
  if (!base::is_utf8(text)) return 0;  // no such event gets past the reader of its JSON
  const nostr::Event event = fuzz::read_event(text);
  check_private_items(event.content);
  check_list(event);
  return 0;
}
