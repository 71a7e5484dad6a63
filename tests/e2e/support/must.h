// must(): the value a test cannot do without; its absence ends the test and says why.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "nostr/base/result.h"

namespace e2e {

/// The value of `result`. An error becomes an exception, which GoogleTest reports as a failure of
/// the running test, so that worlds can be built outside test bodies.
template <class T>
T must(base::Result<T> result, const std::string& what = "") {
  if (!result) throw std::runtime_error((what.empty() ? what : what + ": ") + result.error().detail);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace e2e
