// NIP-11: the document to and from JSON.
#include "nostr/nips/nip11.h"

#include <algorithm>

#include "nostr/base/json.h"

namespace nostr {

namespace {

using Json = base::json::Value;

struct IntField {
  const char* name;
  std::optional<std::int64_t> RelayLimitation::* member;
};
constexpr IntField kIntFields[] = {
    {"max_message_length", &RelayLimitation::max_message_length},
    {"max_subscriptions", &RelayLimitation::max_subscriptions},
    {"max_filters", &RelayLimitation::max_filters},
    {"max_limit", &RelayLimitation::max_limit},
    {"max_subid_length", &RelayLimitation::max_subid_length},
    {"max_event_tags", &RelayLimitation::max_event_tags},
    {"max_content_length", &RelayLimitation::max_content_length},
    {"created_at_lower_limit", &RelayLimitation::created_at_lower_limit},
    {"created_at_upper_limit", &RelayLimitation::created_at_upper_limit},
};
struct BoolField {
  const char* name;
  std::optional<bool> RelayLimitation::* member;
};
constexpr BoolField kBoolFields[] = {
    {"auth_required", &RelayLimitation::auth_required},
    {"payment_required", &RelayLimitation::payment_required},
    {"restricted_writes", &RelayLimitation::restricted_writes},
};

void put_text(Json& out, const char* name, const std::string& value) {
  if (!value.empty()) out[name] = value;
}

std::optional<PublicKey> read_key(const Json& doc, const char* name) {
  const auto key = PublicKey::from_hex(base::json::string_or(doc, name));
  if (!key) return std::nullopt;
  return *key;
}

RelayLimitation read_limitation(const Json& doc) {
  RelayLimitation out;
  const auto it = doc.find("limitation");
  if (it == doc.end() || !it->is_object()) return out;
  for (const auto& field : kIntFields)
    if (const auto value = base::json::get_int(*it, field.name)) out.*field.member = *value;
  for (const auto& field : kBoolFields)
    if (const auto value = base::json::get_bool(*it, field.name)) out.*field.member = *value;
  return out;
}

}  // namespace

std::string build_relay_info(const RelayInfo& info) {
  Json out = Json::object();
  put_text(out, "name", info.name);
  put_text(out, "description", info.description);
  if (info.pubkey) out["pubkey"] = info.pubkey->hex();
  if (info.self) out["self"] = info.self->hex();
  put_text(out, "contact", info.contact);
  auto nips = info.supported_nips;
  std::ranges::sort(nips);
  if (!nips.empty()) out["supported_nips"] = nips;
  put_text(out, "software", info.software);
  put_text(out, "version", info.version);
  Json limits = Json::object();
  for (const auto& field : kIntFields)
    if (const auto& value = info.limitation.*field.member) limits[field.name] = *value;
  for (const auto& field : kBoolFields)
    if (const auto& value = info.limitation.*field.member) limits[field.name] = *value;
  if (!limits.empty()) out["limitation"] = std::move(limits);
  return base::json::dump(out);
}

base::Result<RelayInfo> parse_relay_info(std::string_view json) {
  TRY(const Json doc, base::json::parse(json));
  if (!doc.is_object())
    return base::fail(base::Errc::kInvalid, "relay information document is not a JSON object");
  RelayInfo info;
  info.name = base::json::string_or(doc, "name");
  info.description = base::json::string_or(doc, "description");
  info.pubkey = read_key(doc, "pubkey");
  info.self = read_key(doc, "self");
  info.contact = base::json::string_or(doc, "contact");
  info.software = base::json::string_or(doc, "software");
  info.version = base::json::string_or(doc, "version");
  if (const auto it = doc.find("supported_nips"); it != doc.end() && it->is_array())
    for (const Json& nip : *it)
      if (nip.is_number_integer() && nip >= 0 && nip <= 9999)
        info.supported_nips.push_back(nip.get<int>());
  info.limitation = read_limitation(doc);
  return info;
}

}  // namespace nostr
