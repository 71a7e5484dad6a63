// What the dashboard and /metrics show of a node's rows.
#pragma once

#include "node/record_view.h"
#include "storage/db.h"

namespace node {

/// What was spent on each of the last `days` days, today last: [{"day", "msat"}].
base::Result<base::json::Value> spend_view(storage::Db& db, base::UnixTime now, int days);

/// The newest sessions: [{"d", "started", "ended", "steps", "model", "hash"}]; `ended` null while it runs.
base::Result<base::json::Value> sessions_view(storage::Db& db, std::size_t limit);

/// One session from the signed steps of this home: {"d", "verdict", "steps": [{"seq", "id", "at", "text",
/// "signed"}]}. The verdict is that of whoever recomputes the chain, "running" before it has an end.
/// kNotFound.
base::Result<base::json::Value> session_view(storage::Db& db, const StepReader& reader,
                                             const std::string& d);

/// Prometheus text from a status, and from its "meters" (meters.h) where it has them: no label holds more than a relay's URL, no value a secret. Pure.
std::string metrics_text(const base::json::Value& status, base::UnixTime now);

}  // namespace node
