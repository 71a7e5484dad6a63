// NIP-21: `nostr:` URIs in running text.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "nostr/nips/nip19.h"

namespace nostr {

/// A URI found in a text.
struct Reference {
  std::size_t offset = 0;  ///< of `nostr:`, in bytes
  std::size_t length = 0;
  Entity entity;  ///< never a secret key
};

/// The nostr: URIs of `text` in order, at most `max`. What does not decode is no reference, and
/// neither is an nsec: nobody should pass one on.
std::vector<Reference> find_references(std::string_view text, std::size_t max = 100);

}  // namespace nostr
