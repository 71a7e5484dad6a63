// NIP-51: lists — public items in tags, private ones encrypted to oneself in the content.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nostr/event/event.h"

namespace nostr {

/// A list or set. Items are tags, oldest first; what a kind expects is in NIP-51's table.
struct List {
  Kind kind = 0;
  std::string d;      ///< of a set; "" for the lists one has once
  std::string title;  ///< of a set
  std::string image;
  std::string description;
  Tags public_items;
  Tags private_items;
  friend bool operator==(const List&, const List&) = default;
};

/// How the private items of an event are written.
enum class PrivateForm {
  kNone,
  kNip44,
  kNip04,  ///< legacy: read, never written
};
PrivateForm private_form(std::string_view content);

/// The text to encrypt to oneself with NIP-44; "" when there are no private items.
std::string build_private_items(const Tags& items);
/// What the decrypted content holds: an array of non-empty arrays of strings. kInvalid otherwise,
/// or over 256 KiB or 10 000 items.
base::Result<Tags> parse_private_items(std::string_view json);

/// `encrypted` is the NIP-44 text of build_private_items, or "".
Draft build_list(const List& list, std::string encrypted, UnixTime at);
/// The public part; private items are added by the caller, who can decrypt. kInvalid for a kind
/// that is neither replaceable nor addressable. At most 10 000 items are kept.
base::Result<List> parse_list(const Event& event);

}  // namespace nostr
