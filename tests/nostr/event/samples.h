// Seeded keys, events and texts that the tests of this folder share.
#pragma once

#include "nostr/event/event.h"

namespace nostr::samples {

inline SecretKey key(std::uint64_t seed) {
  base::SeededRng rng(seed);
  return SecretKey::generate(rng);
}

inline Event note(std::string content, Tags tags = {}, Kind kind = 1, std::int64_t created_at = 1'700'000'000) {
  base::SeededRng rng(99);
  return sign_event({.kind = kind,
                     .created_at = base::unix_time(created_at),
                     .tags = std::move(tags),
                     .content = std::move(content)},
                    key(1), rng);
}

/// A valid UTF-8 text that favours what escaping and scanning trip over.
inline std::string tricky_text(base::Rng& rng, std::size_t max_pieces) {
  static constexpr std::string_view kPieces[] = {
      "a", "Z9", "\"", "\\", "\n", "\r", "\t", "\b", "\f", "\x01", "\x1f", "\x7f", "/", "{", "}", "[", "]", ",",
      ":", "\\\"", "\",\"id\":\"", "\\u0041", "\xc3\xa9", "\xe2\x80\xa8", "\xf0\x9f\x98\x80", "   ",
      "long plain run of characters that fills several words"};
  std::string out;
  for (std::uint64_t pieces = rng.below(max_pieces + 1); pieces > 0; --pieces)
    out += kPieces[rng.below(std::size(kPieces))];
  if (rng.below(20) == 0) out += '\0';
  return out;
}

inline Event random_event(base::Rng& rng) {
  Draft draft{.kind = static_cast<Kind>(rng.below(65536)),
              .created_at = base::unix_time(static_cast<std::int64_t>(rng.below(253'402'300'800))),
              .content = tricky_text(rng, 12)};
  for (std::uint64_t tags = rng.below(4); tags > 0; --tags) {
    Tag& tag = draft.tags.emplace_back();
    for (std::uint64_t values = 1 + rng.below(4); values > 0; --values) tag.push_back(tricky_text(rng, 3));
  }
  return sign_event(std::move(draft), key(1 + rng.below(3)), rng);
}

}  // namespace nostr::samples
