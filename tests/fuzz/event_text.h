// An event as text for fuzz targets, so that a mutation of the input is one of the event: the kind,
// a line per tag with tabs between its fields, an empty line, the content.
#pragma once

#include <algorithm>
#include <charconv>
#include <string_view>

#include "nostr/event/event.h"

namespace fuzz {

inline constexpr auto kNow = base::unix_time(1'760'000'000);

/// Everything before `separator`, which is taken off `text` with it.
inline std::string_view take(std::string_view& text, char separator) {
  const std::string_view head = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), head.size() + 1));
  return head;
}

inline nostr::Event read_event(std::string_view text) {
  nostr::Event event;
  // The x coordinate of the generator: the seeds name it where a tag repeats the author.
  event.pubkey =
      nostr::PublicKey::from_hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
          .value();
  event.created_at = kNow;
  const std::string_view kind = take(text, '\n');
  std::from_chars(kind.data(), kind.data() + kind.size(), event.kind);
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (line.empty()) break;
    nostr::Tag tag;
    while (!line.empty()) tag.emplace_back(take(line, '\t'));
    event.tags.push_back(std::move(tag));
  }
  event.content = text;
  return event;
}

/// What a built draft is on the wire, as far as parsers look: signatures were checked before.
inline nostr::Event event_of(nostr::Draft draft) {
  nostr::Event event = read_event("");
  event.kind = draft.kind;
  event.tags = std::move(draft.tags);
  event.content = std::move(draft.content);
  return event;
}

}  // namespace fuzz
