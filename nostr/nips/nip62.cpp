// NIP-62: `relay` tags, one of which may mean all.
#include "nostr/nips/nip62.h"

#include <algorithm>

#include "nostr/event/tags.h"
#include "nostr/nips/nip65.h"

namespace nostr {

namespace {
constexpr std::string_view kEverywhere = "ALL_RELAYS";
constexpr std::size_t kMaxRelays = 64;
}  // namespace

Draft build_vanish_request(const VanishRequest& request, UnixTime at) {
  Draft draft{
      .kind = kinds::kVanishRequest, .created_at = at, .tags = {}, .content = request.reason};
  if (request.everywhere) {
    draft.tags.push_back({"relay", std::string(kEverywhere)});
  } else {
    for (const auto& url : request.relays) draft.tags.push_back({"relay", url});
  }
  return draft;
}

base::Result<VanishRequest> parse_vanish_request(const Event& event) {
  if (event.kind != kinds::kVanishRequest) return wrong_kind(event, "a request to vanish has 62");
  VanishRequest out{.reason = event.content};
  for (const auto value : tag_values(event.tags, "relay")) {
    if (value == kEverywhere) out.everywhere = true;
    if (is_relay_url(value) && out.relays.size() < kMaxRelays)
      out.relays.push_back(normalize_relay_url(value));
  }
  if (!out.everywhere && out.relays.empty())
    return base::fail(base::Errc::kInvalid, "request to vanish names no relay");
  return out;
}

bool must_vanish_from(const VanishRequest& request, std::string_view relay_url) {
  if (request.everywhere) return true;
  const std::string here = normalize_relay_url(relay_url);
  return std::ranges::any_of(
      request.relays, [&](const std::string& url) { return normalize_relay_url(url) == here; });
}

}  // namespace nostr
