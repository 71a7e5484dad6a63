// A bunker's clients as commands see them, answered by the running process or from the database of
// one that rests.
#pragma once

#include "nostr/base/clock.h"
#include "nostr/base/json.h"
#include "storage/bunker.h"

namespace node {

/// Clients with their rules; with `all` also those that were revoked.
base::Result<base::json::Value> bunker_clients_view(storage::BunkerRows& rows, bool all);

/// `method` is bunker-list {all}, bunker-rule {client, verdict, permissions} or bunker-revoke
/// {client}; `client` is hex or npub. kUnsupported for another method.
base::Result<base::json::Value> answer_bunker(storage::BunkerRows& rows, const std::string& method,
                                              const base::json::Value& params, base::UnixTime now);

}  // namespace node
