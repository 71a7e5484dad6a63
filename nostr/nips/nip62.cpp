// NIP-62: relays are named by URL, or all at once.
#include "nostr/nips/nip62.h"

#include <algorithm>

#include "nostr/nips/nip65.h"

namespace nostr {

namespace {
constexpr std::string_view kAllRelays = "ALL_RELAYS";
}

VanishScope vanish_scope(const Event& event, const std::vector<std::string>& urls) {
  if (event.kind != kinds::kVanishRequest) return VanishScope::kNobody;
  const auto relays = tag_values(event.tags, "relay");
  if (relays.empty()) return VanishScope::kNobody;
  const auto is_us = [&urls](std::string_view relay) {
    const std::string named = normalize_relay_url(relay);
    return relay == kAllRelays || std::ranges::any_of(urls, [&named](const std::string& url) {
             return normalize_relay_url(url) == named;
           });
  };
  return std::ranges::any_of(relays, is_us) ? VanishScope::kUs : VanishScope::kOthers;
}

bool vanishes(const Event& request, const Event& target) {
  if (target.created_at > request.created_at || target.id == request.id) return false;
  if (target.pubkey == request.pubkey) return true;
  if (target.kind != kinds::kGiftWrap) return false;
  const std::string author = request.pubkey.hex();
  return std::ranges::any_of(tag_values(target.tags, "p"),
                             [&author](std::string_view key) { return key == author; });
}

Draft build_vanish_request(const std::vector<std::string>& relays, std::string reason, UnixTime at) {
  Draft out{.kind = kinds::kVanishRequest, .created_at = at, .tags = {}, .content = std::move(reason)};
  for (const std::string& relay : relays) out.tags.push_back({"relay", relay});
  if (relays.empty()) out.tags.push_back({"relay", std::string(kAllRelays)});
  return out;
}

}  // namespace nostr
