// What codecs of tags have in common.
#pragma once

#include <string>
#include <string_view>

#include "nostr/base/number.h"
#include "nostr/event/event.h"

namespace nostr {

/// Element `at` of `tag`, "" where it is shorter.
inline std::string tag_element(const Tag& tag, std::size_t at) {
  return at < tag.size() ? tag[at] : std::string();
}

/// `tag` without the empty elements at its end; the first `keep` stay.
inline Tag without_empty_end(Tag tag, std::size_t keep) {
  while (tag.size() > keep && tag.back().empty()) tag.pop_back();
  return tag;
}

/// A kind in decimal digits, or nullopt.
inline std::optional<Kind> parse_kind(std::string_view text) {
  return base::parse_number<Kind>(text);
}

/// kInvalid: `event` is of another kind than `wanted` describes ("a follow list has 3").
inline std::unexpected<base::Error> wrong_kind(const Event& event, std::string_view wanted) {
  return base::fail(base::Errc::kInvalid,
                    "event has kind " + std::to_string(event.kind) + ", " + std::string(wanted));
}

}  // namespace nostr
