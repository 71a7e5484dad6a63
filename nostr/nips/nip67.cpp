// NIP-67: an array of hints behind the subscription id.
#include "nostr/nips/nip67.h"

#include <algorithm>

#include "nostr/base/json.h"

namespace nostr {

base::Result<Completeness> completeness_of(std::string_view frame) {
  TRY(const base::json::Value eose, base::json::parse(frame, {.max_bytes = 4'096, .max_depth = 4}));
  if (!eose.is_array() || eose.size() < 2 || eose[0] != "EOSE" || !eose[1].is_string())
    return base::fail(base::Errc::kInvalid, "frame is no EOSE");
  if (eose.size() < 3 || !eose[2].is_array()) return Completeness::kUnknown;
  const bool finish = std::ranges::find(eose[2], "finish") != eose[2].end();
  const bool more = std::ranges::find(eose[2], "more") != eose[2].end();
  if (finish == more) return Completeness::kUnknown;
  return finish ? Completeness::kFinish : Completeness::kMore;
}

std::string build_eose(std::string_view subscription, Completeness completeness) {
  std::string out = "[\"EOSE\",";
  base::json::append_string(subscription, out);
  if (completeness == Completeness::kFinish) out += ",[\"finish\"]";
  if (completeness == Completeness::kMore) out += ",[\"more\"]";
  return out + "]";
}

}  // namespace nostr
