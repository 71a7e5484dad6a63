// Naming and overlap of cursors.
#include "nostr/client/cursor.h"

#include <algorithm>

namespace nostr {

namespace {

constexpr Kind kOtherWrap = 1060;
constexpr Kind kEphemeralWrap = 21'059;

template <class T>
void canonise(std::vector<T>& list) {
  std::ranges::sort(list);
  const auto rest = std::ranges::unique(list);
  list.erase(rest.begin(), rest.end());
}

}  // namespace

Sha256 cursor_key(Filter filter) {
  canonise(filter.ids);
  canonise(filter.authors);
  canonise(filter.kinds);
  for (auto& [letter, values] : filter.tags) canonise(values);
  filter.since.reset();
  filter.until.reset();
  filter.limit.reset();
  return sha256(to_json(filter));
}

bool has_random_time(Kind kind) {
  return kind == kinds::kGiftWrap || kind == kOtherWrap || kind == kEphemeralWrap;
}

std::chrono::seconds cursor_overlap(const Filter& filter, std::chrono::seconds ordinary) {
  const bool may_hold_wraps =
      filter.kinds.empty() || std::ranges::any_of(filter.kinds, has_random_time);
  return may_hold_wraps ? std::max(ordinary, kWrapOverlap) : ordinary;
}

}  // namespace nostr
