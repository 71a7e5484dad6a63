// JSON documents over nlohmann's SAX parser, so that every bound is checked while reading.
#include "nostr/base/json.h"

#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include <fmt/format.h>

namespace base::json {
namespace {

/// Builds a Value from parser events and stops at the first broken rule.
class Builder {
 public:
  explicit Builder(const Limits& limits) : limits_(limits) {}

  bool null() { return place(nullptr) != nullptr; }
  bool boolean(bool value) { return place(value) != nullptr; }
  bool number_integer(std::int64_t value) { return place(value) != nullptr; }
  bool number_unsigned(std::uint64_t value) { return place(value) != nullptr; }
  bool number_float(double value, const std::string& text) {
    // An integer that fits neither 64-bit type arrives here already rounded.
    if (text.find_first_of(".eE") == std::string::npos) return stop("integer does not fit 64 bits");
    return place(value) != nullptr;
  }
  bool string(std::string& value) { return place(std::move(value)) != nullptr; }
  bool binary(Value::binary_t&) { return stop("binary value"); }
  bool start_object(std::size_t) { return open(Value::object()); }
  bool start_array(std::size_t) { return open(Value::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    auto [slot, added] = open_.back()->get_ref<Value::object_t&>().try_emplace(name);
    if (!added) return stop("an object names one member twice");
    slot_ = &slot->second;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const Value::exception&) {
    return stop(fmt::format("not JSON at byte {}", position));
  }

  Value take_root() { return std::move(root_); }
  const std::string& problem() const { return problem_; }

 private:
  /// Puts a value where the parser stands: the root, the current member, or the array's end.
  template <class T>
  Value* place(T&& value) {
    if (open_.empty()) {
      root_ = Value(std::forward<T>(value));
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& items = open_.back()->get_ref<Value::array_t&>();
      return &items.emplace_back(std::forward<T>(value));
    }
    *slot_ = Value(std::forward<T>(value));
    return slot_;
  }

  bool open(Value&& container) {
    if (open_.size() >= limits_.max_depth)
      return stop(fmt::format("nested deeper than {} levels", limits_.max_depth));
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool stop(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  Limits limits_;
  Value root_;
  std::vector<Value*> open_;  // stays valid: an array grows only while it is the innermost
  Value* slot_ = nullptr;
  std::string problem_;
};

bool needs_escape(char c) {
  return static_cast<std::uint8_t>(c) < 0x20 || c == '"' || c == '\\';
}

/// Length of the prefix that needs no escape; eight bytes at a time, because content is long.
std::size_t plain_prefix(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const auto below = [](std::uint64_t word, std::uint64_t n) {
    return (word - kOnes * n) & ~word & kHighs;
  };
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t hit =
        below(word, 0x20) | below(word ^ (kOnes * '"'), 1) | below(word ^ (kOnes * '\\'), 1);
    if (hit != 0) break;
  }
  while (at < text.size() && !needs_escape(text[at])) ++at;
  return at;
}

void append_escape(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += "\\u00";
      out += kHex[static_cast<std::uint8_t>(c) >> 4];
      out += kHex[c & 15];
  }
}

/// UTF-8 compared as RFC 8785 wants it, by UTF-16 code units. Both orders agree except that
/// U+E000–U+FFFF (lead byte ee, ef) sort after the surrogate pairs of higher planes (lead f0–f4).
bool utf16_less(std::string_view a, std::string_view b) {
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (left == a.end() || right == b.end()) return left == a.end() && right != b.end();
  const auto x = static_cast<std::uint8_t>(*left);
  const auto y = static_cast<std::uint8_t>(*right);
  if (x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0)) return x >= 0xf0;
  return x < y;
}

Result<void> append_canonical(const Value& value, std::string& out);

Result<void> append_members(const Value& object, std::string& out) {
  using Member = const std::pair<const std::string, Value>*;
  std::vector<Member> members;
  for (const auto& member : object.get_ref<const Value::object_t&>()) members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](Member a, Member b) { return utf16_less(a->first, b->first); });
  out += '{';
  for (const Member member : members) {
    if (member != members.front()) out += ',';
    append_string(member->first, out);
    out += ':';
    TRY(append_canonical(member->second, out));
  }
  out += '}';
  return {};
}

Result<void> append_items(const Value& array, std::string& out) {
  out += '[';
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (i > 0) out += ',';
    TRY(append_canonical(array[i], out));
  }
  out += ']';
  return {};
}

Result<void> append_integer(const Value& value, std::string& out) {
  constexpr std::int64_t kMaxExact = (std::int64_t{1} << 53) - 1;
  const bool exact =
      value.is_number_unsigned()
          ? value.get<std::uint64_t>() <= std::uint64_t{kMaxExact}
          : value.get<std::int64_t>() >= -kMaxExact && value.get<std::int64_t>() <= kMaxExact;
  if (!exact)
    return fail(Errc::kInvalid, "integer is beyond 2^53-1, which canonical json cannot hold");
  out += std::to_string(value.get<std::int64_t>());
  return {};
}

Result<void> append_canonical(const Value& value, std::string& out) {
  switch (value.type()) {
    case Value::value_t::null:
      out += "null";
      return {};
    case Value::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return {};
    case Value::value_t::string:
      append_string(value.get_ref<const std::string&>(), out);
      return {};
    case Value::value_t::object:
      return append_members(value, out);
    case Value::value_t::array:
      return append_items(value, out);
    case Value::value_t::number_integer:
    case Value::value_t::number_unsigned:
      return append_integer(value, out);
    case Value::value_t::number_float:
      return fail(Errc::kInvalid, "canonical json holds integers only, this number is none");
    case Value::value_t::binary:
    case Value::value_t::discarded:
      break;
  }
  return fail(Errc::kInvalid, "value has no json form");
}

const Value* member(const Value& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto& members = object.get_ref<const Value::object_t&>();
  const auto found = members.find(key);
  return found == members.end() ? nullptr : &found->second;
}

Result<const Value*> need(const Value& object, std::string_view key) {
  if (!object.is_object())
    return fail(Errc::kInvalid, fmt::format("no object to read {} from", key));
  const Value* found = member(object, key);
  if (found == nullptr) return fail(Errc::kInvalid, fmt::format("member {} is missing", key));
  return found;
}

std::unexpected<Error> mistyped(std::string_view key, std::string_view type) {
  return fail(Errc::kInvalid, fmt::format("member {} is not {}", key, type));
}

/// The integer in `value`, unless it is of another type or beyond int64.
std::optional<std::int64_t> as_int64(const Value& value) {
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return std::nullopt;
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<std::int64_t>();
}

}  // namespace

Result<Value> parse(std::string_view text, Limits limits) {
  if (text.size() > limits.max_bytes)
    return fail(Errc::kInvalid,
                fmt::format("json is {} bytes, limit is {}", text.size(), limits.max_bytes));
  // The library would skip a byte order mark; two texts must not mean one document.
  if (text.starts_with("\xef\xbb\xbf"))
    return fail(Errc::kInvalid, "json starts with a byte order mark");
  // It would also take a NUL for the end and not look behind it.
  if (text.find('\0') != text.npos) return fail(Errc::kInvalid, "json holds a NUL byte");
  Builder builder(limits);
  if (!Value::sax_parse(text.begin(), text.end(), &builder))
    return fail(Errc::kInvalid, builder.problem());
  return builder.take_root();
}

std::string dump(const Value& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Value::error_handler_t::replace);
}

void append_string(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    const std::size_t plain = plain_prefix(text);
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    append_escape(text[0], out);
    text.remove_prefix(1);
  }
  out += '"';
}

Result<std::string> canonical(const Value& value) {
  std::string out;
  TRY(append_canonical(value, out));
  return out;
}

Result<std::string> get_string(const Value& object, std::string_view key) {
  TRY(const Value* value, need(object, key));
  if (!value->is_string()) return mistyped(key, "a string");
  return value->get<std::string>();
}

Result<std::int64_t> get_int(const Value& object, std::string_view key) {
  TRY(const Value* value, need(object, key));
  const auto number = as_int64(*value);
  if (!number) return mistyped(key, "a 64-bit integer");
  return *number;
}

Result<bool> get_bool(const Value& object, std::string_view key) {
  TRY(const Value* value, need(object, key));
  if (!value->is_boolean()) return mistyped(key, "true or false");
  return value->get<bool>();
}

Result<Value> get_object(const Value& object, std::string_view key) {
  TRY(const Value* value, need(object, key));
  if (!value->is_object()) return mistyped(key, "an object");
  return *value;
}

Result<Value> get_array(const Value& object, std::string_view key) {
  TRY(const Value* value, need(object, key));
  if (!value->is_array()) return mistyped(key, "an array");
  return *value;
}

std::string string_or(const Value& object, std::string_view key, std::string_view fallback) {
  const Value* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string(fallback);
}

std::int64_t int_or(const Value& object, std::string_view key, std::int64_t fallback) {
  const Value* value = member(object, key);
  return value == nullptr ? fallback : as_int64(*value).value_or(fallback);
}

}  // namespace base::json
