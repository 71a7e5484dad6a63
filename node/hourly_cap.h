// HourlyCap: how much of something that strangers cause is taken an hour. Pure.
#pragma once

#include <cstddef>

#include "nostr/base/clock.h"

namespace node {

/// Counts in fixed hours that begin with the first use; forgets when the process ends, so the bound on
/// rows is the cap for each start and hour.
class HourlyCap {
 public:
  explicit HourlyCap(std::size_t most) : most_(most) {}

  /// Takes one if there is room.
  bool take(base::UnixTime now);
  /// Whether it is worth telling that there was none: once an hour.
  bool should_tell();

 private:
  std::size_t most_;
  base::UnixTime ends_;
  std::size_t taken_ = 0;
  bool told_ = false;
};

}  // namespace node
