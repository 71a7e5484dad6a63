// Listing and changing what clients may do.
#include "node/bunker_views.h"

#include <fmt/format.h>

#include "node/bunker.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using storage::BunkerClient;
using storage::BunkerRule;

Result<Value> client_view(storage::BunkerRows& rows, const BunkerClient& client) {
  TRY(const auto rules, rows.rules(client.key));
  Value said = Value::object();
  for (const BunkerRule& rule : rules) {
    const std::string what =
        rule.kind ? fmt::format("{}:{}", rule.method, *rule.kind) : rule.method;
    said[what] = std::string(storage::name_of(rule.verdict));
  }
  return Value{{"client", client.key.hex()},
               {"name", client.name},
               {"url", client.url},
               {"relays", client.relays},
               {"paired", base::to_unix(client.paired)},
               {"seen", base::to_unix(client.seen)},
               {"state", client.stands() ? "paired" : "revoked"},
               {"rules", std::move(said)}};
}

Result<Value> one_client(storage::BunkerRows& rows, const nostr::PublicKey& key) {
  TRY(const auto client, rows.client(key));
  if (!client) return fail(Errc::kNotFound, "no client with this key was ever paired");
  return client_view(rows, *client);
}

}  // namespace

Result<Value> bunker_clients_view(storage::BunkerRows& rows, bool all) {
  TRY(const auto clients, rows.clients());
  Value out = Value::array();
  for (const BunkerClient& client : clients) {
    if (!all && !client.stands()) continue;
    TRY(Value view, client_view(rows, client));
    out.push_back(std::move(view));
  }
  return out;
}

Result<Value> answer_bunker(storage::BunkerRows& rows, const std::string& method,
                            const Value& params, base::UnixTime now) {
  if (method == "bunker-list")
    return bunker_clients_view(rows, base::json::get_bool(params, "all").value_or(false));
  TRY(const std::string text, base::json::get_string(params, "client"));
  TRY(const nostr::PublicKey key, nostr::parse_public_key(text));
  if (method == "bunker-revoke") {
    TRY(rows.revoke(key, now));
    return one_client(rows, key);
  }
  if (method != "bunker-rule")
    return fail(Errc::kUnsupported, fmt::format("a bunker has no method \"{}\"", method));
  TRY(const std::string word, base::json::get_string(params, "verdict"));
  const auto verdict = storage::enum_from<storage::BunkerVerdict>(word);
  if (!verdict) return fail(Errc::kInvalid, fmt::format("\"{}\" is no verdict", word), "allow, ask or deny");
  TRY(const std::string permissions, base::json::get_string(params, "permissions"));
  TRY(const auto rules, read_bunker_rules(permissions, *verdict));
  for (const BunkerRule& rule : rules) TRY(rows.set_rule(key, rule));
  return one_client(rows, key);
}

}  // namespace node
