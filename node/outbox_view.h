// What `status` and `outbox` show of publications: each relay's own answer, as JSON.
#pragma once

#include "nostr/base/json.h"
#include "storage/outbox.h"

namespace node {

/// Counts by state, and the newest publications that are under way or failed.
base::Result<base::json::Value> outbox_view(storage::Outbox& outbox);

/// One publication. Of each relay: `status` (pending, accepted, rejected, unknown, retrying), its
/// words split into `prefix` (NIP-01, "" for none) and `text`, `attempts`, and `next_try`, null once
/// nothing more is tried.
base::json::Value publication_view(const storage::OutboxRow& row);

/// Answers the control method "outbox": `state` (open, done, failed, superseded; absent: open and
/// failed), `limit`, or `event` for one.
base::Result<base::json::Value> answer_outbox(storage::Outbox& outbox,
                                              const base::json::Value& params);

}  // namespace node
