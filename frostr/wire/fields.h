// Typed, bounded reading of JSON members for the peer messages of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nostr/base/json.h"
#include "nostr/base/result.h"

namespace frostr::fields {

using base::Result;
using base::json::Value;

/// The member, or nullptr when absent or null. Valid as long as `object` is.
const Value* find(const Value& object, std::string_view key);
/// kInvalid unless `value` is an object; `what` names it.
Result<void> want_object(const Value& value, std::string_view what);

/// Required members; kInvalid names `key`, kLimit its bound.
Result<const Value*> object(const Value& parent, std::string_view key);
Result<const Value*> array(const Value& parent, std::string_view key, std::size_t max_items);
Result<std::string_view> text(const Value& parent, std::string_view key, std::size_t max_bytes);
Result<bool> boolean(const Value& parent, std::string_view key);
Result<std::uint32_t> u32(const Value& parent, std::string_view key);
/// The value itself, as an element of a list called `key`.
Result<std::uint32_t> as_u32(const Value& value, std::string_view key);
Result<std::string_view> as_text(const Value& value, std::string_view key, std::size_t max_bytes);

/// A required hex member as T (FixedBytes, Scalar or Point).
template <class T>
Result<T> hex(const Value& parent, std::string_view key) {
  TRY(const std::string_view digits, text(parent, key, 128));
  auto out = T::from_hex(digits);
  if (!out) return std::unexpected(base::in_context(key, std::move(out).error()));
  return out;
}

}  // namespace frostr::fields
