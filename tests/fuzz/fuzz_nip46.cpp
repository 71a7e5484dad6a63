// What a remote signer or an app sends: whatever is read is written in a form that reads the same.
#include "nostr/nips/nip46.h"

namespace {

/// Reading `text` and, if that works, reading what is written for it again gives the same.
template <class Read, class Write>
void comes_back(std::string_view text, Read read, Write write) {
  const auto first = read(text);
  if (!first) return;
  const std::string written = write(*first);
  // Escapes make some texts longer than what is read; then, and only then, it may be refused.
  const auto again = read(std::string_view(written));
  CHECK(again ? *again == *first : written.size() > 8'192);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  comes_back(text, nostr::parse_bunker_uri, nostr::build_bunker_uri);
  comes_back(text, nostr::parse_nostrconnect_uri, nostr::build_nostrconnect_uri);
  comes_back(text, nostr::parse_signer_request, nostr::build_signer_request);
  comes_back(text, nostr::parse_signer_response, nostr::build_signer_response);
  const auto permissions = nostr::parse_permissions(text);
  CHECK(nostr::parse_permissions(nostr::build_permissions(permissions)) == permissions);
  if (const auto draft = nostr::parse_sign_template(text, nostr::PublicKey())) {
    const auto again =
        nostr::parse_sign_template(nostr::build_sign_template(*draft), nostr::PublicKey());
    CHECK(again && again->tags == draft->tags && again->content == draft->content);
  }
  if (const auto response = nostr::parse_signer_response(text))
    static_cast<void>(nostr::auth_url(*response));
  static_cast<void>(nostr::parse_switch_relays_result(text));
  const std::string own(text);
  static_cast<void>(nostr::parse_connect_params({own, own, own, own}));
  return 0;
}
