// Frames of either side parse without harm, alike in place and from a copy; the cheap look at a
// frame never names another event or subscription than the parser; accepted requests round-trip.
#include "nostr/event/message.h"

namespace {

void check_relay_side(const std::string& frame) {
  const auto message = nostr::parse_relay_message(frame);
  std::string roomy = frame;
  roomy.reserve(frame.size() + nostr::kJsonPadding);
  CHECK(nostr::parse_relay_message_in_place(roomy).has_value() == message.has_value());
  const auto peek = nostr::peek_event_frame(frame);
  if (!message || !peek) return;
  const auto* event = std::get_if<nostr::from_relay::EventMessage>(&*message);
  CHECK(event != nullptr);
  CHECK(event->sub == peek->sub && event->event.id.hex() == peek->id_hex);
}

void check_client_side(const std::string& frame) {
  const auto message = nostr::parse_client_message(frame);
  if (!message) return;
  if (const auto* req = std::get_if<nostr::from_client::Req>(&*message)) {
    const auto again = nostr::parse_client_message(nostr::req_frame(req->sub, req->filters));
    CHECK(again && std::get<nostr::from_client::Req>(*again).filters == req->filters);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string frame(base::as_text({data, size}));
  check_relay_side(frame);
  check_client_side(frame);
  return 0;
}
