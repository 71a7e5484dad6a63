// UTF-8, character by character, for text that may be none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace base {

struct Utf8Char {
  std::uint32_t code = 0;  ///< U+FFFD when the bytes are no UTF-8
  std::size_t length = 1;  ///< in bytes; 1 when they are none
};

/// The character at `at`, which is inside `text`. Overlong forms and surrogates are no UTF-8.
Utf8Char decode_utf8(std::string_view text, std::size_t at);

/// Whether all of `text` is UTF-8.
bool is_utf8(std::string_view text);

}  // namespace base
