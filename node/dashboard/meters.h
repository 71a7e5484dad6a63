// What is measured beside the status, as /metrics tells it.
#pragma once

#include "node/publisher.h"
#include "nostr/base/clock.h"
#include "nostr/base/histogram.h"
#include "nostr/base/json.h"
#include "nostr/client/feed.h"
#include "storage/approvals.h"
#include "storage/budgets.h"

namespace node {

/// Where the measures of a process come from. What is null plays no part in it.
struct MeterSources {
  base::HistogramView verify_times;
  const PublishCounts& published;
  storage::Approvals& approvals;
  const base::HistogramView* sign_times = nullptr;
  const nostr::Feed* inbox = nullptr;
  storage::Budgets* budgets = nullptr;
};

/// {"verify", "sign", "answer": times; "published", "approvals", "gaps", "agents": lists}. Times are
/// {"up_to": [[seconds, count]…], "count", "sum"}, the last bucket's seconds null.
base::Result<base::json::Value> meters_view(const MeterSources& sources, base::UnixTime now);

}  // namespace node
