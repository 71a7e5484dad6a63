// Histogram: how long something takes, counted in buckets whose bounds double.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace base {

/// What a histogram held at one moment.
struct HistogramView {
  /// Upper bound of a bucket (inclusive), and how many took no longer; the last has no bound (max()).
  std::vector<std::pair<std::chrono::microseconds, std::uint64_t>> up_to;
  std::uint64_t count = 0;
  std::chrono::microseconds sum{0};
};

/// Buckets from `first` on, each twice as wide as the one before, and one for all that is longer. Any
/// thread may observe and look.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 16;

  explicit Histogram(std::chrono::microseconds first) : first_(first) {}

  void observe(std::chrono::microseconds time);
  HistogramView view() const;

 private:
  const std::chrono::microseconds first_;
  std::array<std::atomic<std::uint64_t>, kBuckets + 1> counts_{};
  std::atomic<std::int64_t> sum_us_ = 0;
};

}  // namespace base
