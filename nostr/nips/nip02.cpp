// NIP-02: ["p", key, relay, petname].
#include "nostr/nips/nip02.h"

#include <unordered_set>

#include "nostr/event/tags.h"
#include "nostr/nips/nip65.h"

namespace nostr {

Draft build_follows(const std::vector<Follow>& follows, std::string content, UnixTime at) {
  Draft draft{.kind = kinds::kFollows, .created_at = at, .tags = {}, .content = std::move(content)};
  for (const Follow& follow : follows) {
    draft.tags.push_back(
        without_empty_end({"p", follow.pubkey.hex(), follow.relay, follow.petname}, 2));
  }
  return draft;
}

base::Result<std::vector<Follow>> parse_follows(const Event& event) {
  if (event.kind != kinds::kFollows) return wrong_kind(event, "a follow list has 3");
  std::vector<Follow> out;
  std::unordered_set<PublicKey> seen;
  for (const Tag& tag : event.tags) {
    if (tag.size() < 2 || tag[0] != "p" || out.size() == kMaxFollows) continue;
    const auto key = PublicKey::from_hex(tag[1]);
    if (!key || !seen.insert(*key).second) continue;
    const bool has_relay = tag.size() > 2 && is_relay_url(tag[2]);
    out.push_back({*key, has_relay ? tag[2] : "", tag_element(tag, 3)});
  }
  return out;
}

}  // namespace nostr
