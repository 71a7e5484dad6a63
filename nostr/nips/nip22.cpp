// NIP-22: root and parent of a comment.
#include "nostr/nips/nip22.h"

namespace nostr {

namespace {

constexpr std::size_t kMaxCopiedValue = 1024;

std::optional<Kind> parse_kind(std::string_view text) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > 0xffff) return std::nullopt;
  return static_cast<Kind>(value);
}

template <class T>
void set_first(std::optional<T>& slot, std::optional<T> value) {
  if (!slot && value) slot = std::move(value);
}

std::optional<Address> parse_address_tag(const Tag& tag) {
  auto address = Address::parse(tag[1]);
  if (!address) return std::nullopt;
  return *std::move(address);
}

/// The root scope of a comment is handed down unchanged; each name once, bounded.
void copy_root(const Tags& from, Tags& to) {
  for (const char* name : {"A", "E", "I", "K", "P"}) {
    const Tag* tag = find_tag(from, name);
    if (tag == nullptr || tag->size() > 4) continue;
    bool fits = true;
    for (const auto& value : *tag) fits = fits && value.size() <= kMaxCopiedValue;
    if (fits) to.push_back(*tag);
  }
}

void add_scope(const Event& event, std::string_view relay, bool root, Tags& to) {
  const auto name = [&](const char* upper, const char* lower) {
    return std::string(root ? upper : lower);
  };
  if (const auto address = address_of(event))
    to.push_back({name("A", "a"), address->str(), std::string(relay), event.pubkey.hex()});
  to.push_back({name("E", "e"), event.id.hex(), std::string(relay), event.pubkey.hex()});
  to.push_back({name("K", "k"), std::to_string(event.kind)});
  to.push_back({name("P", "p"), event.pubkey.hex()});
}

}  // namespace

CommentTarget parse_comment(const Tags& tags) {
  CommentTarget out;
  for (const Tag& tag : tags) {
    if (tag.size() < 2) continue;
    if (tag[0] == "E")
      set_first(out.root, parse_event_ref(tag, 3));
    else if (tag[0] == "A")
      set_first(out.root_address, parse_address_tag(tag));
    else if (tag[0] == "e")
      set_first(out.parent, parse_event_ref(tag, 3));
    else if (tag[0] == "a")
      set_first(out.parent_address, parse_address_tag(tag));
    else if (tag[0] == "k")
      set_first(out.parent_kind, parse_kind(tag[1]));
  }
  return out;
}

Tags comment_tags(const Event& parent, std::string_view relay_hint) {
  Tags tags;
  if (parent.kind == kinds::kComment)
    copy_root(parent.tags, tags);
  else
    add_scope(parent, relay_hint, /*root=*/true, tags);
  add_scope(parent, relay_hint, /*root=*/false, tags);
  return tags;
}

}  // namespace nostr
