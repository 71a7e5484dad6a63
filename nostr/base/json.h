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
/// kInvalid (NIP-SA reading rule P7). Integers keep every digit; one outside int64 and uint64 is
/// kInvalid rather than rounded. The root is at depth 0, so `[[1]]` is 2 deep.
Result<Value> parse(std::string_view text, Limits limits = {});

/// Compact text; invalid UTF-8 is replaced, never thrown.
std::string dump(const Value& value);

/// Appends `text` as a JSON string literal: \" \\ \b \t \n \f \r, other bytes under 0x20 as \u00xx in
/// lower case, everything else byte for byte. RFC 8785, JSON.stringify and event ids agree on it. HOT.
void append_string(std::string_view text, std::string& out);

/// RFC 8785 (JCS): keys sorted by UTF-16 units, shortest escapes, integers as such.
/// Non-integer numbers are kInvalid, and so are integers beyond ±(2^53-1), which other programs
/// would round: nothing we digest holds one.
Result<std::string> canonical(const Value& value);

/// Typed members. Missing or mistyped ones are kInvalid naming `key`, and so is an `object` that is
/// none. 1.0 and 1e3 are not integers.
Result<std::string> get_string(const Value& object, std::string_view key);
Result<std::int64_t> get_int(const Value& object, std::string_view key);
Result<bool> get_bool(const Value& object, std::string_view key);
Result<Value> get_object(const Value& object, std::string_view key);
Result<Value> get_array(const Value& object, std::string_view key);

/// Optional members: the fallback when absent or null or of another type.
std::string string_or(const Value& object, std::string_view key, std::string_view fallback = "");
std::int64_t int_or(const Value& object, std::string_view key, std::int64_t fallback = 0);

}  // namespace base::json
