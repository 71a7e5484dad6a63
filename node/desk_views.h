// What `status` and `pending` show of a running process, as JSON. Shared by node and co-signer.
#pragma once

#include "nostr/base/json.h"
#include "nostr/client/pool.h"
#include "orchestration/approvals/desk.h"
#include "storage/approvals.h"

namespace node {

base::json::Value question_view(const storage::Question& question);
/// Open and approved questions, oldest first.
base::Result<base::json::Value> pending_view(storage::Approvals& approvals, base::UnixTime now);
/// How each operator would be asked now: [{"pubkey", "npub", "asked_by"}].
base::json::Value reach_view(const orchestration::Desk& desk);
base::json::Value relay_view(const std::vector<nostr::RelayStatus>& relays);

}  // namespace node
