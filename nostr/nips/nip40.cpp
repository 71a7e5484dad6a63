// NIP-40: reading the `expiration` tag.
#include "nostr/nips/nip40.h"

#include "nostr/base/number.h"

namespace nostr {

std::optional<UnixTime> expiration_of(const Tags& tags) {
  for (const auto value : tag_values(tags, "expiration")) {
    if (const auto seconds = base::parse_number<std::int64_t>(value))
      return base::unix_time(*seconds);
  }
  return std::nullopt;
}

bool is_expired(const Event& event, UnixTime now) {
  const auto at = expiration_of(event.tags);
  return at && *at <= now;
}

Tag expiration_tag(UnixTime at) {
  return {"expiration", std::to_string(base::to_unix(at))};
}

}  // namespace nostr
