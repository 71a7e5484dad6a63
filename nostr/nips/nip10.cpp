// NIP-10: marked `e` tags, with the deprecated positional form as the fallback.
#include "nostr/nips/nip10.h"

#include <algorithm>

namespace nostr {

namespace {

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

enum class Marker { kRoot, kReply, kMention, kNone };

Marker marker_of(const Tag& tag) {
  if (tag.size() < 4) return Marker::kNone;
  if (tag[3] == "root") return Marker::kRoot;
  if (tag[3] == "reply") return Marker::kReply;
  if (tag[3] == "mention") return Marker::kMention;
  return Marker::kNone;
}

Tag marked(const EventRef& ref, std::string_view marker) {
  Tag tag{"e", ref.id.hex(), ref.relay, std::string(marker)};
  if (ref.author) tag.push_back(ref.author->hex());
  return tag;
}

}  // namespace

std::optional<EventRef> parse_event_ref(const Tag& tag, std::size_t author_at) {
  if (tag.size() < 2) return std::nullopt;
  const auto id = EventId::from_hex(tag[1]);
  if (!id) return std::nullopt;
  EventRef ref{*id, tag.size() > 2 ? tag[2] : "", std::nullopt};
  if (tag.size() > author_at)
    if (const auto author = PublicKey::from_hex(tag[author_at])) ref.author = *author;
  return ref;
}

Thread parse_thread(const Tags& tags) {
  std::optional<EventRef> root, reply, first, last;
  for (const Tag& tag : tags) {
    if (tag[0] != "e") continue;
    const Marker marker = marker_of(tag);
    const auto ref = parse_event_ref(tag, marker == Marker::kNone ? 3 : 4);
    if (!ref) continue;
    switch (marker) {
      case Marker::kRoot:
        if (!root) root = ref;
        break;
      case Marker::kReply:
        if (!reply) reply = ref;
        break;
      case Marker::kMention:
        break;
      case Marker::kNone:
        if (!first) first = ref;
        last = ref;
        break;
    }
  }
  Thread thread;
  thread.parent = reply ? reply : root ? root : last;
  thread.root = root ? root : first ? first : reply;
  return thread;
}

Tags reply_tags(const Event& parent, std::string_view relay_hint, const PublicKey& self,
                std::size_t max_participants) {
  const EventRef to_parent{parent.id, std::string(relay_hint), parent.pubkey};
  Tags tags;
  if (const auto root = parse_thread(parent.tags).root) {
    tags.push_back(marked(*root, "root"));
    tags.push_back(marked(to_parent, "reply"));
  } else {
    tags.push_back(marked(to_parent, "root"));
  }
  std::vector<std::string> people;
  const auto add = [&](const PublicKey& key) {
    const auto hex = key.hex();
    if (key != self && people.size() < max_participants && !contains(people, hex))
      people.push_back(hex);
  };
  add(parent.pubkey);
  for (const auto value : tag_values(parent.tags, "p"))
    if (const auto key = PublicKey::from_hex(value)) add(*key);
  for (auto& hex : people) tags.push_back({"p", std::move(hex)});
  return tags;
}

}  // namespace nostr
