// URLs of strangers: normalising is stable, what counts as a relay stays one, and parts hold no
// surprise.
#include "nostr/base/uri.h"
#include "nostr/net/address.h"
#include "nostr/nips/nip05.h"
#include "nostr/nips/nip57.h"
#include "nostr/nips/nip65.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  const std::string normal = nostr::normalize_relay_url(text);
  CHECK(nostr::normalize_relay_url(normal) == normal);
  CHECK(!nostr::is_relay_url(text) || nostr::is_relay_url(normal));
  if (const auto url = nostr::parse_ws_url(text)) {
    CHECK(!url->host.empty() && url->port != 0 && url->path.starts_with('/'));
    CHECK(url->authority().find_first_of("\r\n /?#@") == std::string::npos);
  }
  static_cast<void>(nostr::is_private_address(std::string(text)));
  if (const auto uri = base::split_uri(text)) {
    const auto query = base::parse_query(uri->query);
    std::string again = "x:y";
    if (query)
      for (const auto& [name, value] : *query) base::append_query(again, name, value);
    if (query) CHECK(base::parse_query(base::split_uri(again)->query).value() == *query);
  }
  if (const auto identifier = nostr::parse_identifier(text)) {
    CHECK(nostr::parse_identifier(nostr::display_identifier(*identifier)).value() == *identifier);
    CHECK(base::split_uri(nostr::identifier_url(*identifier)).value().host == identifier->domain);
  }
  if (const auto url = nostr::lightning_address_url(text)) CHECK(base::split_uri(*url).has_value());
  return 0;
}
