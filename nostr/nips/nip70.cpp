// NIP-70: the tag ["-"].
#include "nostr/nips/nip70.h"

#include <algorithm>

namespace nostr {

bool is_protected(const Tags& tags) {
  return std::ranges::find(tags, protected_tag()) != tags.end();
}

Tag protected_tag() {
  return {"-"};
}

}  // namespace nostr
