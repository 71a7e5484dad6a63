// Encrypted keys: any text is read or refused without ever paying for a costly scrypt. As the
// checksum would keep the fuzzer out, its bytes are also taken as the payload behind a right one.
#include "nostr/base/bech32.h"
#include "nostr/nips/nip49.h"

namespace {

void check_text(std::string_view text) {
  const auto header = nostr::read_ncryptsec_header(text);
  if (header) CHECK(nostr::is_ncryptsec(text));
  // Up to 2^4 rounds are cheap; above the limit it must be refused before any work.
  if (!header || header->log_n <= 4 || header->log_n > nostr::kMaxScryptLogN)
    CHECK(!nostr::nip49_decrypt(text, "password"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView bytes(data, size);
  check_text(base::as_text(bytes));
  check_text(base::bech32_encode("ncryptsec", bytes, base::Bech32Variant::kBech32));
  const auto normal = nostr::normalize_password(base::as_text(bytes));
  if (normal) CHECK(nostr::normalize_password(*normal).value() == *normal);
  return 0;
}
