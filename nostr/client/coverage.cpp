// Times without a value compare as the earliest, which is what a gap without a beginning is.
#include "nostr/client/coverage.h"

#include <algorithm>

namespace nostr {

void Coverage::begin(UnixTime now) {
  const bool grows = !gaps_.empty() && !gaps_.back().until;
  if (!grows) gaps_.push_back({sure_, std::nullopt});
  if (gaps_.size() > kMaxGaps) {
    const Gap newest = gaps_.back();
    gaps_.pop_back();
    gaps_.back().until = newest.until;
  }
  sure_ = live_ = now;
}

void Coverage::advance(UnixTime time) {
  if (live_) live_ = std::max(*live_, time);
}

const Gap* Coverage::take() {
  if (!walked_ && !gaps_.empty()) {
    walked_ = gaps_.back();
    gaps_.pop_back();
  }
  return walked_ ? &*walked_ : nullptr;
}

void Coverage::reached(UnixTime until) {
  if (walked_) walked_->until = until;
}

void Coverage::give_back() {
  if (!walked_) return;
  const Gap gap = *walked_;
  walked_.reset();
  // What began meanwhile goes up to the present as well: together they are one.
  if (!gap.until && !gaps_.empty() && !gaps_.back().until)
    gaps_.back().from = std::min(gaps_.back().from, gap.from);
  else
    gaps_.insert(std::ranges::upper_bound(gaps_, gap.from, {}, &Gap::from), gap);
}

std::optional<UnixTime> Coverage::cursor() const {
  std::optional<UnixTime> first = gaps_.empty() ? sure_ : gaps_.front().from;
  if (walked_) first = std::min(first, walked_->from);
  return first;
}

}  // namespace nostr
