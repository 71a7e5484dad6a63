// What stands inside a gift wrap once it is opened: a seal counts only with a right signature, a
// rumor only from the seal's author and under the id of what it says, whatever id was claimed.
#include "nostr/base/bytes.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip59.h"

namespace {

constexpr std::size_t kMaxRumor = 65'536;

void check_rumor(std::string_view text, const nostr::PublicKey& author) {
  const auto rumor = nostr::parse_rumor(text, author);
  if (!rumor) return;
  CHECK(rumor->seal_author == author && rumor->event.pubkey == author);
  CHECK(rumor->id == nostr::compute_id(rumor->event));
  const std::string written = nostr::to_json(rumor->event);
  const auto again = nostr::parse_rumor(written, author);
  if (!again) {
    CHECK(written.size() > kMaxRumor);  // the true id may make it longer than what is read
    return;
  }
  CHECK(again->event == rumor->event && again->id == rumor->id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  if (const auto seal = nostr::parse_seal(text)) {
    CHECK(seal->kind == nostr::kinds::kSeal && nostr::check(*seal).has_value());
    CHECK(nostr::parse_seal(nostr::to_json(*seal)).value() == *seal);
  }
  // The author of the seeds, then whoever the text names: either way nobody else's rumor passes.
  const auto seeded = nostr::PublicKey::from_hex(
      "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
  check_rumor(text, *seeded);
  if (const auto named = nostr::parse_unsigned_event(text)) check_rumor(text, named->pubkey);
  return 0;
}
