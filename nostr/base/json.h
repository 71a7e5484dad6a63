// JSON documents on the cold path: bounded parsing, typed access with a path in the error,
// and the RFC 8785 canonical form that digests are taken over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "nostr/base/result.h"

namespace base::json {

/// The document type of cold-path code. Objects keep no order; event ids never pass through here.
using Value = nlohmann::json;

struct Limits {
  std::size_t max_bytes = 65536;
  std::size_t max_depth = 32;
};

/// Parses UTF-8 JSON. Duplicate keys, NaN, trailing text, over-deep or over-long input are
/// kInvalid (NIP-SA reading rule P7).
Result<Value> parse(std::string_view text, Limits limits = {});

/// Compact text; invalid UTF-8 is replaced, never thrown.
std::string dump(const Value& value);

/// RFC 8785 (JCS): keys sorted by UTF-16 units, shortest escapes, integers as such.
/// Non-integer numbers are kInvalid: nothing we digest holds one.
Result<std::string> canonical(const Value& value);

/// Typed members. Missing or mistyped ones are kInvalid naming `key`.
Result<std::string> get_string(const Value& object, std::string_view key);
Result<std::int64_t> get_int(const Value& object, std::string_view key);
Result<bool> get_bool(const Value& object, std::string_view key);
Result<Value> get_object(const Value& object, std::string_view key);
Result<Value> get_array(const Value& object, std::string_view key);

/// Optional members: the fallback when absent or null or of another type.
std::string string_or(const Value& object, std::string_view key, std::string_view fallback = "");
std::int64_t int_or(const Value& object, std::string_view key, std::int64_t fallback = 0);

}  // namespace base::json
