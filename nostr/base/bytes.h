// Bytes in and out of text: views, hex, base64, comparison and wiping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/result.h"

namespace base {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// The bytes of `text`, without copying; valid as long as `text` is.
ByteView as_bytes(std::string_view text);
/// The characters of `bytes`, without copying; valid as long as `bytes` is.
std::string_view as_text(ByteView bytes);

/// Lower-case hex, two characters a byte.
std::string hex_encode(ByteView bytes);
/// Decodes lower-case hex only: Nostr ids and keys have one spelling. kInvalid otherwise.
Result<Bytes> hex_decode(std::string_view hex);
/// Decodes exactly `out.size()` bytes of lower-case hex into `out`; false leaves `out` unspecified.
[[nodiscard]] bool hex_decode_into(std::string_view hex, std::span<std::uint8_t> out);

/// Standard base64 with padding (RFC 4648 section 4).
std::string base64_encode(ByteView bytes);
/// Strict: alphabet, padding and zero trailing bits are checked.
Result<Bytes> base64_decode(std::string_view text);
/// base64url without padding (RFC 4648 section 5), as bifrost encodes its content.
std::string base64url_encode(ByteView bytes);
/// Accepts only the url alphabet and no padding.
Result<Bytes> base64url_decode(std::string_view text);

/// Equality in time that depends only on the lengths.
bool constant_time_equal(ByteView a, ByteView b);
/// Overwrites memory in a way the compiler may not remove.
void wipe(std::span<std::uint8_t> bytes);
/// Wipes the characters (including unused capacity) and empties the string.
void wipe(std::string& text);

}  // namespace base
