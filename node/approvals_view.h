// Questions and what came of them, as `approval list | show` and the control socket show them.
#pragma once

#include <string_view>

#include "nostr/base/json.h"
#include "nostr/crypto/keys.h"
#include "storage/db.h"

namespace node {

/// Answers "approval-list" {"limit"}: newest first; "approval-show" {"id"}: the question with what was
/// shown, answered, decided and told; "approval-evidence" {"id"}: what somebody else can check. An id is
/// a code or the id of the request (39212). `asker` is the key that asked. kNotFound, kInvalid.
base::Result<base::json::Value> answer_approvals(storage::Db& db, const nostr::SecretKey& asker,
                                                 std::string_view method,
                                                 const base::json::Value& params);

}  // namespace node
