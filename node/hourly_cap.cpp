#include "node/hourly_cap.h"

#include <utility>

namespace node {

bool HourlyCap::take(base::UnixTime now) {
  if (now >= ends_) {
    ends_ = now + std::chrono::hours{1};
    taken_ = 0;
    told_ = false;
  }
  if (taken_ >= most_) return false;
  ++taken_;
  return true;
}

bool HourlyCap::should_tell() { return !std::exchange(told_, true); }

}  // namespace node
