// Relaxed counters: a view may be a few observations behind, never wrong by more.
#include "nostr/base/histogram.h"

#include <algorithm>

namespace base {

void Histogram::observe(std::chrono::microseconds time) {
  std::size_t bucket = 0;
  for (auto bound = first_; bucket < kBuckets && time > bound; bound *= 2) ++bucket;
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(std::max<std::int64_t>(time.count(), 0), std::memory_order_relaxed);
}

HistogramView Histogram::view() const {
  HistogramView out{.up_to = {}, .count = 0, .sum = std::chrono::microseconds(sum_us_.load(std::memory_order_relaxed))};
  auto bound = first_;
  for (std::size_t bucket = 0; bucket <= kBuckets; ++bucket, bound *= 2) {
    out.count += counts_[bucket].load(std::memory_order_relaxed);
    out.up_to.emplace_back(bucket < kBuckets ? bound : std::chrono::microseconds::max(), out.count);
  }
  return out;
}

}  // namespace base
