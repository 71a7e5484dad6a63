// Checks come before access: nlohmann's accessors throw on the wrong type.
#include "frostr/wire/fields.h"

#include <limits>

namespace frostr::fields {

using base::Errc;
using base::fail;

namespace {

std::unexpected<base::Error> mistyped(std::string_view key, std::string_view type) {
  return fail(Errc::kInvalid, std::string(key) + " is missing or not " + std::string(type));
}

}  // namespace

const Value* find(const Value& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<void> want_object(const Value& value, std::string_view what) {
  if (!value.is_object()) return fail(Errc::kInvalid, std::string(what) + " is not an object");
  return {};
}

Result<const Value*> object(const Value& parent, std::string_view key) {
  const Value* value = find(parent, key);
  if (value == nullptr || !value->is_object()) return mistyped(key, "an object");
  return value;
}

Result<const Value*> array(const Value& parent, std::string_view key, std::size_t max_items) {
  const Value* value = find(parent, key);
  if (value == nullptr || !value->is_array()) return mistyped(key, "a list");
  if (value->size() > max_items)
    return fail(Errc::kLimit, std::string(key) + " has " + std::to_string(value->size()) +
                                  " entries, limit is " + std::to_string(max_items));
  return value;
}

Result<std::string_view> as_text(const Value& value, std::string_view key, std::size_t max_bytes) {
  if (!value.is_string()) return mistyped(key, "a string");
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() > max_bytes)
    return fail(Errc::kLimit, std::string(key) + " is " + std::to_string(text.size()) +
                                  " bytes, limit is " + std::to_string(max_bytes));
  return std::string_view(text);
}

Result<std::string_view> text(const Value& parent, std::string_view key, std::size_t max_bytes) {
  const Value* value = find(parent, key);
  if (value == nullptr) return mistyped(key, "a string");
  return as_text(*value, key, max_bytes);
}

Result<bool> boolean(const Value& parent, std::string_view key) {
  const Value* value = find(parent, key);
  if (value == nullptr || !value->is_boolean()) return mistyped(key, "a boolean");
  return value->get<bool>();
}

Result<std::uint32_t> as_u32(const Value& value, std::string_view key) {
  if (!value.is_number_unsigned() ||
      value.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max())
    return mistyped(key, "an unsigned 32-bit number");
  return static_cast<std::uint32_t>(value.get<std::uint64_t>());
}

Result<std::uint32_t> u32(const Value& parent, std::string_view key) {
  const Value* value = find(parent, key);
  if (value == nullptr) return mistyped(key, "an unsigned 32-bit number");
  return as_u32(*value, key);
}

}  // namespace frostr::fields
