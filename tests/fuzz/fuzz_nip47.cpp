// What a wallet service or its client sends: whatever is read is written in a form that reads the
// same.
#include "nostr/nips/nip47.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  if (const auto request = nostr::parse_wallet_request(text))
    CHECK(nostr::parse_wallet_request(nostr::build_wallet_request(*request)).value() == *request);
  if (const auto response = nostr::parse_wallet_response(text))
    CHECK(nostr::parse_wallet_response(nostr::build_wallet_response(*response)).value() ==
          *response);
  if (const auto notification = nostr::parse_wallet_notification(text))
    CHECK(
        nostr::parse_wallet_notification(nostr::build_wallet_notification(*notification)).value() ==
        *notification);
  if (const auto uri = nostr::parse_wallet_uri(text)) {
    const std::string written = nostr::build_wallet_uri(*uri);
    const auto again = nostr::parse_wallet_uri(written);
    // Escapes make some texts longer than what is read; then, and only then, it may be refused.
    CHECK(again ? again->wallet == uri->wallet && again->relays == uri->relays &&
                      again->secret.public_key() == uri->secret.public_key() &&
                      again->lud16 == uri->lud16
                : written.size() > 8'192);
  }
  return 0;
}
