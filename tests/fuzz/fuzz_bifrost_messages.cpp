// Peer messages: whatever parses is written and read back to the same text, and nothing crashes.
#include "frostr/wire/envelope.h"
#include "frostr/wire/messages.h"
#include "nostr/base/bytes.h"

namespace {

// to_params() of a parsed body must parse to a body with the same to_params().
template <class Parse>
void check_body(Parse parse, std::string_view text) {
  const auto body = parse(text);
  if (!body) return;
  const std::string written = frostr::to_params(*body);
  if (written.size() > frostr::kMaxRpcBytes) return;  // escapes may grow when written anew
  const auto again = parse(written);
  CHECK(again.has_value());
  CHECK(frostr::to_params(*again) == written);
}

void check_bodies(std::string_view text) {
  check_body(frostr::parse_ping_request, text);
  check_body(frostr::parse_sign_request, text);
  check_body(frostr::parse_ecdh_request, text);
  (void)frostr::parse_onboard_request(text);
}

void check_answers(const base::json::Value& data) {
  if (const auto ping = frostr::parse_ping_answer(data))
    CHECK(frostr::parse_ping_answer(frostr::to_data(*ping)).has_value());
  if (const auto sign = frostr::parse_sign_answer(data))
    CHECK(frostr::parse_sign_answer(frostr::to_data(*sign)).has_value());
  if (const auto ecdh = frostr::parse_ecdh_answer(data))
    CHECK(frostr::parse_ecdh_answer(frostr::to_data(*ecdh)).has_value());
  if (const auto onboard = frostr::parse_onboard_answer(data))
    CHECK(frostr::parse_onboard_answer(frostr::to_data(*onboard)).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  check_bodies(text);
  const auto message = frostr::parse_rpc(text);
  if (!message) return 0;
  if (const auto* request = std::get_if<frostr::RpcRequest>(&*message))
    for (const std::string& param : request->params) check_bodies(param);
  if (const auto* accept = std::get_if<frostr::RpcAccept>(&*message)) check_answers(accept->data);
  if (const auto* reject = std::get_if<frostr::RpcReject>(&*message))
    CHECK(frostr::parse_rpc(frostr::to_text(*reject)).has_value());
  return 0;
}
