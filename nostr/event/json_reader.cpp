// HOT PATH: strings, hex and integers out of simdjson tokens. A string without a backslash, which
// is nearly every one, is copied straight from the frame instead of through the unescaping buffer.
#include "nostr/event/json_reader.h"

#include <cstring>

namespace nostr::reader {
namespace {

static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

/// The characters between the quotes of a string token, escapes untouched; nullopt for other
/// tokens.
std::optional<std::string_view> quoted(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                            token.back() == '\t'))
    token.remove_suffix(1);
  if (token.size() < 2 || token.front() != '"' || token.back() != '"') return std::nullopt;
  return token.substr(1, token.size() - 2);
}

bool has_backslash(std::string_view text) {
  return !text.empty() && std::memchr(text.data(), '\\', text.size()) != nullptr;
}

unsigned hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a' + 10);
}

/// The code unit of the \uXXXX at `at`; the digits are known to be there and to be hex.
unsigned code_unit(std::string_view raw, std::size_t at) {
  unsigned unit = 0;
  for (std::size_t i = at + 2; i < at + 6; ++i) unit = (unit << 4) | hex_value(raw[i]);
  return unit;
}

/// Whether every surrogate escape in `raw` is half of a pair. `raw` has passed the unescaper, so
/// each \u has four hex digits behind it. Checked here because libraries differ in what they let
/// by.
bool surrogates_paired(std::string_view raw) {
  for (std::size_t at = raw.find('\\'); at != raw.npos; at = raw.find('\\', at)) {
    if (raw[at + 1] != 'u') {
      at += 2;
      continue;
    }
    const unsigned unit = code_unit(raw, at);
    at += 6;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit > 0xdbff || !raw.substr(at).starts_with("\\u")) return false;
    const unsigned low = code_unit(raw, at);
    if (low < 0xdc00 || low > 0xdfff) return false;
    at += 6;
  }
  return true;
}

}  // namespace

std::unexpected<base::Error> wrong(std::string_view what, std::string_view why) {
  std::string detail(what);
  detail += ' ';
  detail += why;
  return base::fail(base::Errc::kInvalid, std::move(detail));
}

Document& Document::of_this_thread() {
  thread_local Document document;
  return document;
}

base::Result<void> Document::start(Padded text, std::size_t max_bytes) {
  if (text.text.size() > max_bytes)
    return base::fail(base::Errc::kInvalid, "json is " + std::to_string(text.text.size()) +
                                                " bytes, limit is " + std::to_string(max_bytes));
  if (text.text.starts_with("\xef\xbb\xbf")) return wrong("json", "starts with a byte order mark");
  if (text.readable < text.text.size() + kJsonPadding) {
    copy_.reserve(text.text.size() + kJsonPadding);
    copy_.assign(text.text);
    text = with_capacity(copy_);
  }
  const auto error =
      parser_.iterate(simdjson::padded_string_view(text.text, text.readable)).get(document_);
  if (error) return wrong("json", "is malformed: " + std::string(simdjson::error_message(error)));
  return {};
}

base::Result<ondemand::object> Document::object() {
  ondemand::object out;
  if (document_.get_object().get(out)) return wrong("json", "is not an object");
  return out;
}

base::Result<ondemand::array> Document::array() {
  ondemand::array out;
  if (document_.get_array().get(out)) return wrong("json", "is not an array");
  return out;
}

base::Result<void> Document::finish() {
  // The reader stands out of bounds exactly when it has read every token.
  if (document_.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return wrong("json", "has text behind its end");
  return {};
}

base::Result<void> read_string(ondemand::value value, std::string_view what, std::string& out) {
  const auto raw = quoted(value.raw_json_token());
  if (!raw) return wrong(what, "is not a string");
  const bool escaped = has_backslash(*raw);
  // Consumes the token in any case; the parser must not stand still on it.
  std::string_view text;
  if (escaped) {
    if (value.get_string().get(text)) return wrong(what, "holds a broken escape");
    if (!surrogates_paired(*raw)) return wrong(what, "holds an unpaired surrogate");
  } else {
    if (value.get_raw_json_string().error()) return wrong(what, "is not a string");
    text = *raw;
  }
  out.assign(text);
  return {};
}

base::Result<void> read_hex(ondemand::value value, std::string_view what,
                            std::span<std::uint8_t> out) {
  const auto raw = quoted(value.raw_json_token());
  if (!raw || value.get_raw_json_string().error()) return wrong(what, "is not a string");
  if (!base::hex_decode_into(*raw, out))
    return wrong(what, "is not " + std::to_string(2 * out.size()) + " lower-case hex characters");
  return {};
}

base::Result<std::uint64_t> read_integer(ondemand::value value, std::string_view what,
                                         std::uint64_t max) {
  std::uint64_t number = 0;
  if (value.get_uint64().get(number) || number > max)
    return wrong(what, "is not an integer from 0 to " + std::to_string(max));
  return number;
}

}  // namespace nostr::reader
