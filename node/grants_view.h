// Grants as commands see them, answered by the running process or from the database of one that rests.
#pragma once

#include "nostr/base/clock.h"
#include "nostr/base/json.h"
#include "storage/grants.h"

namespace node {

/// One grant: id, agent, tool, pattern, created, expires, uses, max_uses, state (stands, used-up, expired,
/// revoked).
base::json::Value grant_view(const storage::GrantRow& row, base::UnixTime now);

/// `method` is grant-list {all}, grant-add {agent, tool, pattern, seconds, uses} or grant-revoke {id}.
base::Result<base::json::Value> answer_grants(storage::Grants& grants, const std::string& method,
                                              const base::json::Value& params, base::UnixTime now);

}  // namespace node
