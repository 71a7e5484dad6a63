// What was computed from a secret and may be branched on: told to the checker of constant time.
#pragma once

#include <cstddef>
#include <type_traits>

namespace base {

/// Set by the test that runs under valgrind and marks secrets as undefined; null everywhere else.
inline constinit void (*on_declassify)(const void* data, std::size_t size) = nullptr;

/// Says that `size` bytes are public from here on: they leave this process, or tell nothing of the
/// secret. Each use carries its reason, as in libsecp256k1.
inline void declassify(const void* data, std::size_t size) {
  if (on_declassify != nullptr) on_declassify(data, size);
}

/// The same for a value, which it returns.
template <class T>
  requires std::is_trivially_copyable_v<T>
T declassified(T value) {
  declassify(&value, sizeof value);
  return value;
}

}  // namespace base
