// Negentropy: a stranger's message does no harm to either role and never yields a frame over its
// limit; whatever a responder answers, an initiator can read.
#include "nostr/nips/nip77.h"

namespace {

constexpr std::size_t kFrame = 4'096;

/// Items that share timestamps and leading bytes, so that bounds of every length occur.
std::vector<nostr::NegItem> items_of(std::size_t count, std::uint8_t salt) {
  std::vector<nostr::NegItem> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].created_at = base::unix_time(static_cast<std::int64_t>(i / 7 * 3));
    out[i].id.data()[i % 5] = salt;
    out[i].id.data()[30] = static_cast<std::uint8_t>(i >> 8);
    out[i].id.data()[31] = static_cast<std::uint8_t>(i);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView message(data, size);
  static const std::vector<nostr::NegItem> kItems = items_of(1'000, 1);
  static const nostr::NegSet kSet(kItems);
  const auto answer = nostr::neg_respond(kSet, message, kFrame);
  if (answer) CHECK(answer->size() <= kFrame && answer->size() >= 1);

  nostr::NegInitiator initiator(nostr::NegSet(items_of(300, 1)), {.frame_bytes = kFrame});
  const auto step = initiator.on_message(message);
  if (step && step->message) CHECK(step->message->size() <= kFrame);
  if (answer) CHECK(initiator.on_message(*answer).has_value());
  return 0;
}
