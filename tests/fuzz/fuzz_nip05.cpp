// nostr.json of a stranger's domain, and the answers of lnurl providers: read or refused, always
// bounded.
#include "nostr/nips/nip05.h"
#include "nostr/nips/nip57.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  for (const char* name : {"_", "bob", "BoB", ""}) {
    if (const auto named = nostr::find_name(text, name))
      CHECK(named->relays.size() <= 16 && named->signer_relays.size() <= 16);
  }
  if (const auto pay = nostr::parse_lnurl_pay(text))
    CHECK(pay->min_sendable <= pay->max_sendable && pay->comment_allowed >= 0);
  static_cast<void>(nostr::parse_lnurl_invoice(text));
  return 0;
}
