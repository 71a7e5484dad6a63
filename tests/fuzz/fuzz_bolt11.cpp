// Invoices: any text is read or refused, and the case it is written in does not matter. As the
// checksum would keep the fuzzer out, its bytes are also taken as the symbols behind a right one.
#include "nostr/nips/bolt11.h"

#include <algorithm>

#include "nostr/base/bech32.h"

namespace {

void check_invoice(const std::string& text) {
  const auto invoice = nostr::parse_invoice(text);
  if (!invoice) return;
  CHECK(!invoice->amount || (invoice->amount->value > 0 && *invoice->amount <= base::kMaxMsat));
  CHECK(nostr::expires_at(*invoice) >= invoice->created_at);
  std::string upper = text;
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  if (base::bech32_decode_symbols(upper)) CHECK(nostr::parse_invoice(upper).value() == *invoice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView bytes(data, size);
  check_invoice(std::string(base::as_text(bytes)));
  if (size == 0) return 0;
  const std::size_t split = std::min<std::size_t>(data[0] % 24, size - 1);
  std::string hrp = "ln";
  for (const std::uint8_t byte : bytes.subspan(1, split)) hrp += "0123456789munpbctx"[byte % 18];
  check_invoice(base::bech32_encode(hrp, bytes.subspan(1 + split), base::Bech32Variant::kBech32));
  return 0;
}
