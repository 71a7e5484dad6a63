// NIP-46: connection strings, then requests, then answers.
#include "nostr/nips/nip46.h"

#include <algorithm>
#include <array>

#include "nostr/base/json.h"
#include "nostr/base/uri.h"
#include "nostr/event/event_json.h"
#include "nostr/event/tags.h"
#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

using Json = base::json::Value;
using base::Errc;
using base::fail;

constexpr std::size_t kMaxUri = 8'192;
constexpr std::size_t kMaxRelays = 16;
constexpr std::size_t kMaxPermissions = 64;
constexpr std::size_t kMaxMethod = 64;
constexpr std::size_t kMaxId = 256;
constexpr std::size_t kMaxParams = 16;
constexpr std::size_t kMaxAuthUrl = 2'048;
constexpr base::json::Limits kMessage{.max_bytes = kMaxSignerMessage, .max_depth = 12};

bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= kMaxMethod && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::optional<SignerPermission> read_permission(std::string_view text) {
  const auto colon = text.find(':');
  const auto method = text.substr(0, colon);
  if (!is_method(method)) return std::nullopt;
  if (colon == std::string_view::npos) return SignerPermission{std::string(method), {}};
  const auto kind = parse_kind(text.substr(colon + 1));
  if (!kind) return std::nullopt;
  return SignerPermission{std::string(method), kind};
}

/// A JSON value where the NIP wants a string.
std::string as_string(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? std::string() : base::json::dump(value);
}

struct Connection {
  PublicKey key;
  std::vector<std::string> relays;
  base::Query query;
};

base::Result<Connection> parse_connection(std::string_view text, std::string_view scheme) {
  const std::string what = std::string(scheme) + ":// text ";
  if (text.size() > kMaxUri)
    return fail(Errc::kInvalid, what + "is " + std::to_string(text.size()) + " bytes, limit is " +
                                    std::to_string(kMaxUri));
  TRY(const base::UriView uri, base::split_uri(text));
  if (uri.scheme != scheme)
    return fail(Errc::kInvalid, "not a " + std::string(scheme) + ":// text");
  const auto key = PublicKey::from_hex(uri.host);
  if (!key) return fail(Errc::kInvalid, what + "names no public key of 64 hex characters");
  Connection out{*key, {}, {}};
  TRY(out.query, base::parse_query(uri.query));
  for (const auto& [name, value] : out.query)
    if (name == "relay" && is_relay_url(value) && out.relays.size() < kMaxRelays)
      out.relays.push_back(value);
  if (out.relays.empty()) return fail(Errc::kInvalid, what + "names no relay");
  return out;
}

std::string text_of(const base::Query& query, std::string_view name) {
  return std::string(base::query_value(query, name).value_or(""));
}

std::string start_uri(std::string_view scheme, const PublicKey& key,
                      const std::vector<std::string>& relays) {
  std::string out = std::string(scheme) + "://" + key.hex();
  for (const auto& relay : relays) base::append_query(out, "relay", relay);
  return out;
}

void append_if(std::string& uri, std::string_view name, const std::string& value) {
  if (!value.empty()) base::append_query(uri, name, value);
}

/// An object's JSON text, or an empty object.
Json read_object(std::string_view text) {
  auto value = base::json::parse(text, {.max_bytes = kMaxUri, .max_depth = 4});
  return value && value->is_object() ? *std::move(value) : Json::object();
}

base::Result<Tags> read_tags(const Json& event) {
  const auto found = event.find("tags");
  if (found == event.end()) return Tags{};
  if (!found->is_array()) return fail(Errc::kInvalid, "tags of the event to sign are no array");
  Tags out;
  for (const Json& tag : *found) {
    if (!tag.is_array() || tag.empty() ||
        !std::ranges::all_of(tag, [](const Json& item) { return item.is_string(); }))
      return fail(Errc::kInvalid, "a tag of the event to sign is no array of strings");
    out.push_back(tag.get<Tag>());
  }
  return out;
}

base::Result<std::string> read_id(const Json& message) {
  TRY(std::string id, base::json::get_string(message, "id"));
  if (id.empty() || id.size() > kMaxId)
    return fail(Errc::kInvalid, "id is " + std::to_string(id.size()) + " bytes, allowed are 1 to " +
                                    std::to_string(kMaxId));
  return id;
}

struct MethodName {
  SignerMethod method;
  std::string_view name;
};
constexpr std::array<MethodName, 11> kMethods{{
    {SignerMethod::kConnect, "connect"},
    {SignerMethod::kSignEvent, "sign_event"},
    {SignerMethod::kPing, "ping"},
    {SignerMethod::kGetPublicKey, "get_public_key"},
    {SignerMethod::kNip04Encrypt, "nip04_encrypt"},
    {SignerMethod::kNip04Decrypt, "nip04_decrypt"},
    {SignerMethod::kNip44Encrypt, "nip44_encrypt"},
    {SignerMethod::kNip44Decrypt, "nip44_decrypt"},
    {SignerMethod::kGetRelays, "get_relays"},
    {SignerMethod::kSwitchRelays, "switch_relays"},
    {SignerMethod::kLogout, "logout"},
}};

}  // namespace

// ---- connection strings ------------------------------------------------------------------------

std::string build_permissions(const std::vector<SignerPermission>& permissions) {
  std::string out;
  for (const auto& permission : permissions) {
    if (!out.empty()) out += ',';
    out += permission.method;
    if (permission.kind) out += ":" + std::to_string(*permission.kind);
  }
  return out;
}

std::vector<SignerPermission> parse_permissions(std::string_view text) {
  std::vector<SignerPermission> out;
  while (!text.empty() && out.size() < kMaxPermissions) {
    const auto end = std::min(text.find(','), text.size());
    if (auto permission = read_permission(text.substr(0, end)))
      out.push_back(*std::move(permission));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string build_bunker_uri(const BunkerUri& uri) {
  std::string out = start_uri("bunker", uri.signer, uri.relays);
  append_if(out, "secret", uri.secret);
  return out;
}

base::Result<BunkerUri> parse_bunker_uri(std::string_view text) {
  TRY(Connection connection, parse_connection(text, "bunker"));
  return BunkerUri{connection.key, std::move(connection.relays),
                   text_of(connection.query, "secret")};
}

std::string build_nostrconnect_uri(const NostrConnectUri& uri) {
  std::string out = start_uri("nostrconnect", uri.client, uri.relays);
  append_if(out, "secret", uri.secret);
  append_if(out, "perms", build_permissions(uri.permissions));
  append_if(out, "name", uri.name);
  append_if(out, "url", uri.url);
  append_if(out, "image", uri.image);
  return out;
}

base::Result<NostrConnectUri> parse_nostrconnect_uri(std::string_view text) {
  TRY(Connection connection, parse_connection(text, "nostrconnect"));
  const base::Query& query = connection.query;
  NostrConnectUri out{.client = connection.key,
                      .relays = std::move(connection.relays),
                      .secret = text_of(query, "secret"),
                      .permissions = parse_permissions(text_of(query, "perms")),
                      .name = text_of(query, "name"),
                      .url = text_of(query, "url"),
                      .image = text_of(query, "image")};
  const Json metadata = read_object(text_of(query, "metadata"));
  if (out.name.empty()) out.name = base::json::string_or(metadata, "name");
  if (out.url.empty()) out.url = base::json::string_or(metadata, "url");
  if (out.image.empty()) out.image = base::json::string_or(metadata, "image");
  return out;
}

// ---- requests ----------------------------------------------------------------------------------

std::string_view signer_method_name(SignerMethod method) {
  return std::ranges::find(kMethods, method, &MethodName::method)->name;
}

std::optional<SignerMethod> signer_method(std::string_view name) {
  const auto found = std::ranges::find(kMethods, name, &MethodName::name);
  if (found == kMethods.end()) return std::nullopt;
  return found->method;
}

std::string build_signer_request(const SignerRequest& request) {
  return base::json::dump(
      {{"id", request.id}, {"method", request.method}, {"params", request.params}});
}

base::Result<SignerRequest> parse_signer_request(std::string_view json) {
  TRY(const Json message, base::json::parse(json, kMessage));
  SignerRequest out;
  TRY(out.id, read_id(message));
  TRY(out.method, base::json::get_string(message, "method"));
  if (!is_method(out.method)) return fail(Errc::kInvalid, "method is no name");
  const auto params = message.find("params");
  if (params == message.end() || params->is_null()) return out;
  if (!params->is_array() || params->size() > kMaxParams)
    return fail(Errc::kInvalid, "params is no array of at most 16 elements");
  for (const Json& param : *params) out.params.push_back(as_string(param));
  return out;
}

std::vector<std::string> build_connect_params(const ConnectParams& params) {
  Json metadata = Json::object();
  if (!params.name.empty()) metadata["name"] = params.name;
  if (!params.url.empty()) metadata["url"] = params.url;
  std::vector<std::string> out{params.signer ? params.signer->hex() : std::string(), params.secret,
                               build_permissions(params.permissions),
                               metadata.empty() ? std::string() : base::json::dump(metadata)};
  while (out.size() > 1 && out.back().empty()) out.pop_back();
  return out;
}

ConnectParams parse_connect_params(const std::vector<std::string>& params) {
  const auto at = [&](std::size_t i) { return i < params.size() ? params[i] : std::string(); };
  ConnectParams out;
  if (const auto key = PublicKey::from_hex(at(0))) out.signer = *key;
  out.secret = at(1);
  out.permissions = parse_permissions(at(2));
  const Json metadata = read_object(at(3));
  out.name = base::json::string_or(metadata, "name");
  out.url = base::json::string_or(metadata, "url");
  return out;
}

std::string build_sign_template(const Draft& draft) {
  return base::json::dump({{"kind", draft.kind},
                           {"content", draft.content},
                           {"tags", draft.tags},
                           {"created_at", base::to_unix(draft.created_at)}});
}

base::Result<Draft> parse_sign_template(std::string_view json, const PublicKey& user) {
  TRY(const Json event, base::json::parse(json, kMessage));
  TRY(const std::int64_t kind, base::json::get_int(event, "kind"));
  if (kind < 0 || kind > 65'535)
    return fail(Errc::kInvalid, "kind of the event to sign is outside 0 to 65535");
  if (const auto author = event.find("pubkey"); author != event.end() && *author != user.hex())
    return fail(Errc::kDenied, "the event to sign names another author");
  Draft out{.kind = static_cast<Kind>(kind), .created_at = {}, .tags = {}, .content = {}};
  if (event.contains("created_at")) {
    TRY(const std::int64_t at, base::json::get_int(event, "created_at"));
    if (at < 0 || at > kMaxCreatedAt)
      return fail(Errc::kInvalid, "created_at of the event to sign is out of range");
    out.created_at = base::unix_time(at);
  }
  if (event.contains("content")) {
    TRY(out.content, base::json::get_string(event, "content"));
  }
  TRY(out.tags, read_tags(event));
  return out;
}

base::Result<CipherParams> parse_cipher_params(const std::vector<std::string>& params) {
  if (params.size() < 2) return fail(Errc::kInvalid, "a public key and a text are needed");
  TRY(const PublicKey peer, PublicKey::from_hex(params[0]));
  return CipherParams{peer, params[1]};
}

// ---- answers -----------------------------------------------------------------------------------

std::string build_signer_response(const SignerResponse& response) {
  Json out{{"id", response.id}};
  if (response.result) out["result"] = *response.result;
  if (!response.error.empty()) out["error"] = response.error;
  return base::json::dump(out);
}

SignerResponse auth_url_response(std::string id, std::string url) {
  return {std::move(id), "auth_url", std::move(url)};
}

base::Result<SignerResponse> parse_signer_response(std::string_view json) {
  TRY(const Json message, base::json::parse(json, kMessage));
  SignerResponse out;
  TRY(out.id, read_id(message));
  if (const auto result = message.find("result"); result != message.end() && !result->is_null())
    out.result = as_string(*result);
  if (const auto error = message.find("error"); error != message.end())
    out.error = as_string(*error);
  if (!out.result && out.error.empty())
    return fail(Errc::kInvalid, "answer holds neither result nor error");
  return out;
}

std::optional<std::string> auth_url(const SignerResponse& response) {
  const std::string& url = response.error;
  if (response.result != "auth_url" || url.size() > kMaxAuthUrl || !base::split_uri(url) ||
      (!url.starts_with("https://") && !url.starts_with("http://")))
    return std::nullopt;
  return url;
}

bool admits(const SignerResponse& response, std::string_view secret) {
  return response.error.empty() && (response.result == "ack" || echoes_secret(response, secret));
}

bool echoes_secret(const SignerResponse& response, std::string_view secret) {
  return response.result && !secret.empty() &&
         base::constant_time_equal(base::as_bytes(*response.result), base::as_bytes(secret));
}

std::string build_switch_relays_result(const std::vector<std::string>& relays) {
  return base::json::dump(relays);
}

base::Result<std::optional<std::vector<std::string>>> parse_switch_relays_result(
    std::string_view json) {
  TRY(const Json value, base::json::parse(json, {.max_bytes = kMaxUri, .max_depth = 2}));
  if (value.is_null()) return std::nullopt;
  if (!value.is_array()) return fail(Errc::kInvalid, "relays to switch to are no array");
  std::vector<std::string> out;
  for (const Json& item : value)
    if (item.is_string() && is_relay_url(item.get_ref<const std::string&>()) &&
        out.size() < kMaxRelays)
      out.push_back(item.get<std::string>());
  if (out.empty()) return std::nullopt;
  return out;
}

Draft build_signer_event(const PublicKey& to, std::string encrypted, UnixTime at) {
  return {.kind = kinds::kNostrConnect,
          .created_at = at,
          .tags = {{"p", to.hex()}},
          .content = std::move(encrypted)};
}

}  // namespace nostr
