// NIP-05: identifiers, their URL, and the nostr.json behind it.
#include "nostr/nips/nip05.h"

#include <algorithm>

#include "nostr/base/json.h"
#include "nostr/base/uri.h"
#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

using Json = base::json::Value;
using base::Errc;
using base::fail;

constexpr std::size_t kMaxIdentifier = 320;
constexpr std::size_t kMaxRelays = 16;
constexpr base::json::Limits kDocument{.max_bytes = 1'048'576, .max_depth = 8};

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '_' || c == '.' || c == '+';
  });
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Labels of letters, digits, - and _ between dots, then perhaps a port.
bool is_domain(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) return false;
  text = text.substr(0, colon);
  if (text != "localhost" && !text.contains('.')) return false;
  char before = '.';
  for (const char c : text) {
    if (c == '.' ? before == '.' : !is_alphanumeric(c) && c != '-' && c != '_') return false;
    before = c;
  }
  return before != '.';
}

const Json* find_member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

const Json* find_name_of(const Json& names, std::string_view name) {
  if (const Json* exact = find_member(names, name)) return exact;
  const std::string folded = lowered(name);
  for (const auto& [key, value] : names.items())
    if (lowered(key) == folded) return &value;
  return nullptr;
}

std::vector<std::string> relays_of(const Json& document, std::string_view member,
                                   const std::string& key) {
  std::vector<std::string> out;
  const Json* map = find_member(document, member);
  const Json* list = map != nullptr ? find_member(*map, key) : nullptr;
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : *list)
    if (item.is_string() && is_relay_url(item.get_ref<const std::string&>()) &&
        out.size() < kMaxRelays)
      out.push_back(item.get<std::string>());
  return out;
}

}  // namespace

base::Result<InternetIdentifier> parse_identifier(std::string_view text) {
  if (text.size() > kMaxIdentifier)
    return fail(Errc::kInvalid, "identifier is " + std::to_string(text.size()) +
                                    " bytes, limit is " + std::to_string(kMaxIdentifier));
  const std::string folded = lowered(text);
  const auto at = folded.find('@');
  InternetIdentifier out{at == std::string::npos ? "_" : folded.substr(0, at),
                         at == std::string::npos ? folded : folded.substr(at + 1)};
  if (!is_name(out.name) || !is_domain(out.domain))
    return fail(Errc::kInvalid, "not an identifier", "expected name@domain or a domain");
  return out;
}

std::string display_identifier(const InternetIdentifier& identifier) {
  return identifier.name == "_" ? identifier.domain : identifier.name + "@" + identifier.domain;
}

std::string identifier_url(const InternetIdentifier& identifier) {
  std::string url = "https://" + identifier.domain + "/.well-known/nostr.json";
  base::append_query(url, "name", identifier.name);
  return url;
}

base::Result<NamedKey> find_name(std::string_view nostr_json, std::string_view name) {
  TRY(const Json document, base::json::parse(nostr_json, kDocument));
  TRY(const Json names, base::json::get_object(document, "names"));
  const Json* entry = find_name_of(names, name);
  if (entry == nullptr) return fail(Errc::kNotFound, "the domain does not know this name");
  const auto key =
      PublicKey::from_hex(entry->is_string() ? entry->get<std::string>() : std::string());
  if (!key) return fail(Errc::kInvalid, "the domain names no lower-case hex key");
  return NamedKey{*key, relays_of(document, "relays", key->hex()),
                  relays_of(document, "nip46", key->hex())};
}

}  // namespace nostr
