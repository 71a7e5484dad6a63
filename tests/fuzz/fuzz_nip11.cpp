// A relay's document about itself: what is read of it is written in a form that reads the same.
#include <algorithm>

#include "nostr/base/bytes.h"
#include "nostr/nips/nip11.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto info = nostr::parse_relay_info(base::as_text({data, size}));
  if (!info) return 0;
  for (const int nip : info->supported_nips) CHECK(nip >= 0 && nip <= 9'999);
  const std::string written = nostr::build_relay_info(*info);
  const auto again = nostr::parse_relay_info(written);
  CHECK(again.has_value());
  std::ranges::sort(info->supported_nips);  // as they are written
  CHECK(*again == *info);
  CHECK(nostr::build_relay_info(*again) == written);
  return 0;
}
