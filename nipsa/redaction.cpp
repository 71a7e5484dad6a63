// Redaction by member names (whole words) and by the look of values.
#include "nipsa/redaction.h"

#include <algorithm>
#include <array>

namespace nipsa {

namespace {

constexpr std::string_view kMask = "[REDACTED]";
constexpr std::array<std::string_view, 20> kSecretWords{
    "password", "passwords",     "passwd",   "pwd",        "passphrase",  "secret", "secrets",
    "token",    "tokens",        "apikey",   "credential", "credentials", "seed",   "seeds",
    "auth",     "authorization", "mnemonic", "nsec",       "privkey",     "seckey"};
/// Two words in a row that only together mean a secret.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSecretPairs{
    {{"api", "key"}, {"private", "key"}, {"access", "key"}}};
constexpr std::array<std::string_view, 5> kExempt{"tokens_in", "tokens_out", "tokens_total",
                                                  "max_tokens", "author"};

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_upper(c) || is_lower(c) || is_digit(c);
}

/// The lower-case words of a member name, split at anything but letters and digits and where a
/// capital starts a word ("accessKey", "APIKey").
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool starts = is_upper(c) && i > 0 &&
                        (!is_upper(name[i - 1]) || (i + 1 < name.size() && is_lower(name[i + 1])));
    if (!is_alnum(c) || starts) words.emplace_back();
    if (is_alnum(c)) words.back().push_back(is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c);
  }
  std::erase(words, "");
  return words;
}

template <std::size_t N>
bool listed(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

/// Characters that credentials are made of.
bool is_token_char(char c) {
  return is_alnum(c) || c == '-' || c == '_';
}

std::size_t run(std::string_view text, std::size_t from, bool (*accept)(char)) {
  std::size_t end = from;
  while (end < text.size() && accept(text[end])) ++end;
  return end;
}

/// Length of `prefix` followed by at least `minimum` token characters at the start of `text`, or 0.
std::size_t prefixed(std::string_view text, std::string_view prefix, std::size_t minimum) {
  if (!text.starts_with(prefix)) return 0;
  const std::size_t end = run(text, prefix.size(), is_token_char);
  return end - prefix.size() >= minimum ? end : 0;
}

/// Three base64url parts joined by dots, the first two of them JSON objects. A first part that is too
/// long for a header counts as well: to look for its end from each "eyJ" in it would take for ever.
std::size_t json_web_token(std::string_view text) {
  constexpr std::size_t kMaxHeader = 1'024;
  if (!text.starts_with("eyJ")) return 0;
  if (run(text.substr(0, kMaxHeader), 0, is_token_char) == kMaxHeader)
    return run(text, kMaxHeader, is_token_char);
  std::size_t end = run(text, 0, is_token_char);
  for (int part = 0; part < 2; ++part) {
    if (end >= text.size() || text[end] != '.') return 0;
    end = run(text, end + 1, is_token_char);
  }
  return end;
}

std::size_t bearer(std::string_view text) {
  if (!text.starts_with("Bearer ") && !text.starts_with("bearer ")) return 0;
  const std::size_t end = run(text, 7, [](char c) {
    return is_token_char(c) || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
  });
  return end - 7 >= 8 ? end : 0;
}

/// A PEM private key up to its END line, or to the end of the text when that is missing.
std::size_t pem_key(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kEnd = "PRIVATE KEY-----";
  constexpr std::size_t kMaxLabel = 45;  // "RSA PRIVATE KEY-----", "OPENSSH PRIVATE KEY-----"
  if (!text.starts_with(kBegin)) return 0;
  const std::size_t head = text.substr(kBegin.size(), kMaxLabel).find(kEnd);
  const auto is_label = [](char c) { return is_alnum(c) || c == ' '; };
  if (head == text.npos || run(text, kBegin.size(), is_label) < kBegin.size() + head) return 0;
  const std::size_t tail = text.find(kEnd, kBegin.size() + head + kEnd.size());
  return tail == text.npos ? text.size() : tail + kEnd.size();
}

std::size_t slack_token(std::string_view text) {
  if (!text.starts_with("xox") || text.size() < 5 || !is_alnum(text[3])) return 0;
  return prefixed(text.substr(3), std::string(1, text[3]) + "-", 8) == 0
             ? 0
             : 3 + prefixed(text.substr(3), std::string(1, text[3]) + "-", 8);
}

std::size_t github_token(std::string_view text) {
  for (const std::string_view prefix : {"ghp_", "gho_", "ghu_", "ghs_", "ghr_"})
    if (const std::size_t length = prefixed(text, prefix, 16)) return length;
  return 0;
}

/// Length of a credential at the start of `text`, or 0.
std::size_t credential_at(std::string_view text) {
  switch (text[0]) {
    case 'n':
      return prefixed(text, "nsec1", 20) != 0 ? prefixed(text, "nsec1", 20)
                                              : prefixed(text, "ncryptsec1", 20);
    case 's':
      return prefixed(text, "sk-", 16);
    case 'g':
      return github_token(text);
    case 'A':
      return prefixed(text, "AKIA", 12);
    case 'x':
      return slack_token(text);
    case 'e':
      return json_web_token(text);
    case 'B':
    case 'b':
      return bearer(text);
    case '-':
      return pem_key(text);
    default:
      return 0;
  }
}

/// RFC 8785 numbers are doubles: what is no integer they hold exactly is hashed as its text.
Json with_exact_numbers(Json value) {
  constexpr std::int64_t kMaxExact = (std::int64_t{1} << 53) - 1;
  const bool exact = value.is_number_unsigned()
                         ? value.get<std::uint64_t>() <= std::uint64_t{kMaxExact}
                     : value.is_number_integer() ? value.get<std::int64_t>() >= -kMaxExact
                                                 : !value.is_number_float();
  if (!exact) return base::json::dump(value);
  if (value.is_structured())
    for (Json& item : value) item = with_exact_numbers(std::move(item));
  return value;
}

}  // namespace

bool is_secret_key(std::string_view name) {
  if (listed(kExempt, name)) return false;
  const auto words = words_of(name);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (listed(kSecretWords, words[i])) return true;
    for (const auto& [first, second] : kSecretPairs)
      if (words[i] == first && i + 1 < words.size() && words[i + 1] == second) return true;
  }
  return false;
}

std::string redact_text(std::string_view text) {
  std::string out;
  bool at_start = true;  // of a word: credentials do not begin inside one
  while (!text.empty()) {
    const std::size_t length = at_start ? credential_at(text) : 0;
    if (length > 0) {
      out += kMask;
      text.remove_prefix(length);
      at_start = true;  // no credential ends inside a word: what follows may be the next one
      continue;
    }
    at_start = !is_alnum(text[0]);
    out.push_back(text[0]);
    text.remove_prefix(1);
  }
  return out;
}

Json redact(Json value) {
  if (value.is_string()) return redact_text(value.get_ref<const std::string&>());
  if (value.is_array())
    for (Json& item : value) item = redact(std::move(item));
  if (value.is_object())
    for (auto& [name, member] : value.items())
      member = is_secret_key(name) ? Json(kMask) : redact(std::move(member));
  return value;
}

Json redact_thinking(std::string_view content) {
  return {{"content", "<redacted>"}, {"hash", nostr::sha256(content).hex()}};
}

nostr::Sha256 redacted_hash(const Json& value) {
  const auto text = base::json::canonical(with_exact_numbers(redact(value)));
  CHECK(text.has_value());  // only numbers can fail, and those were made exact
  return nostr::sha256(*text);
}

}  // namespace nipsa
