// NIP-25: the last `e` tag is the one that is meant.
#include "nostr/nips/nip25.h"

namespace nostr {

ReactionTarget parse_reaction(const Tags& tags) {
  ReactionTarget out;
  for (const Tag& tag : tags) {
    if (tag.size() < 2) continue;
    if (tag[0] == "e") {
      if (const auto id = EventId::from_hex(tag[1])) out.event = *id;
    } else if (tag[0] == "a") {
      if (auto address = Address::parse(tag[1])) out.address = *std::move(address);
    }
  }
  return out;
}

Draft build_reaction(const Event& target, std::string_view relay_hint, std::string content,
                     UnixTime at) {
  const std::string author = target.pubkey.hex();
  Draft draft{
      .kind = kinds::kReaction, .created_at = at, .tags = {}, .content = std::move(content)};
  draft.tags.push_back({"e", target.id.hex(), std::string(relay_hint), author});
  draft.tags.push_back({"p", author, std::string(relay_hint)});
  if (const auto address = address_of(target))
    draft.tags.push_back({"a", address->str(), std::string(relay_hint)});
  draft.tags.push_back({"k", std::to_string(target.kind)});
  return draft;
}

}  // namespace nostr
