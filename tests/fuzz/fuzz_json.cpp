// An accepted document dumps to an equal one, and its canonical form is a fixed point.
#include "nostr/base/json.h"

#include "nostr/base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = base::json::parse(base::as_text({data, size}));
  if (!document) return 0;
  constexpr base::json::Limits kRoomy{.max_bytes = 1 << 22};  // escapes may grow when written anew
  CHECK(base::json::parse(base::json::dump(*document), kRoomy) == *document);
  const auto canonical = base::json::canonical(*document);
  if (!canonical) return 0;
  const auto again = base::json::parse(*canonical, kRoomy);
  CHECK(again && *again == *document);
  CHECK(base::json::canonical(*again) == *canonical);
  return 0;
}
