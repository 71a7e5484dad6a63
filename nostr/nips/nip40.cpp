// NIP-40: reading the `expiration` tag.
#include "nostr/nips/nip40.h"

#include <charconv>

namespace nostr {

std::optional<UnixTime> expiration_of(const Tags& tags) {
  for (const auto value : tag_values(tags, "expiration")) {
    std::int64_t seconds = 0;
    const char* const end = value.data() + value.size();
    const auto [last, error] = std::from_chars(value.data(), end, seconds);
    if (error == std::errc{} && last == end && seconds >= 0) return base::unix_time(seconds);
  }
  return std::nullopt;
}

bool is_expired(const Event& event, UnixTime now) {
  const auto at = expiration_of(event.tags);
  return at && *at <= now;
}

Tag expiration_tag(UnixTime at) { return {"expiration", std::to_string(base::to_unix(at))}; }

}  // namespace nostr
