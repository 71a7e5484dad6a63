// Packages: as text, and as payloads behind a right checksum; what decodes encodes to an equal one.
#include "frostr/wire/credential.h"
#include "nostr/base/bech32.h"
#include "nostr/base/bytes.h"

namespace {

void check(std::string_view text) {
  if (const auto group = frostr::decode_group(text)) {
    const auto again = frostr::decode_group(frostr::encode_group(group->group));
    CHECK(again && again->group == group->group && again->warning.empty());
  }
  if (const auto share = frostr::decode_share(text))
    CHECK(frostr::decode_share(frostr::encode_share(share->share).expose()).has_value());
  if (const auto onboard = frostr::decode_onboard(text)) {
    const auto written = frostr::encode_onboard(*onboard);
    CHECK(written && frostr::decode_onboard(written->expose()).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView bytes(data, size);
  check(base::as_text(bytes));
  for (const std::string_view hrp : {"bfgroup", "bfshare", "bfonboard"})
    check(base::bech32_encode(hrp, bytes, base::Bech32Variant::kBech32m));
  return 0;
}
