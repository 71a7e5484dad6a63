// NIP-22: comments (kind 1111) on anything that is not a text note.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nostr/event/event.h"
#include "nostr/nips/nip10.h"

namespace nostr {

/// What a comment stands under: upper-case tags name the root, lower-case ones the parent.
struct CommentTarget {
  std::optional<EventRef> root;
  std::optional<Address> root_address;
  std::optional<EventRef> parent;
  std::optional<Address> parent_address;
  std::optional<Kind> parent_kind;
};

/// Malformed tags are ignored; all empty when `tags` are not those of a comment.
CommentTarget parse_comment(const Tags& tags);
/// Tags of a comment on `parent` (itself a comment or any other kind but 1).
Tags comment_tags(const Event& parent, std::string_view relay_hint);

}  // namespace nostr
