// Rows as the page wants them.
#include "node/dashboard/views.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "nipsa/chain.h"
#include "nostr/event/event_json.h"
#include "storage/budgets.h"
#include "storage/trajectories.h"

namespace node {
namespace {

using base::Result;
using base::json::int_or;
using base::json::Value;

constexpr std::int64_t kDay = 86'400;

}  // namespace

Result<Value> spend_view(storage::Db& db, base::UnixTime now, int days) {
  storage::Budgets budgets(db);
  const std::int64_t today = base::to_unix(now) / kDay;
  TRY(const auto spent, budgets.spent_by_day("node", base::unix_time((today - days + 1) * kDay)));
  std::map<std::int64_t, std::int64_t> by_day;
  for (const auto& [day, sum] : spent) by_day[base::to_unix(day) / kDay] = sum.value;
  Value out = Value::array();
  for (std::int64_t day = today - days + 1; day <= today; ++day)
    out.push_back({{"day", day * kDay}, {"msat", by_day[day]}});
  return out;
}

Result<Value> sessions_view(storage::Db& db, std::size_t limit) {
  storage::Trajectories trajectories(db);
  TRY(const auto rows, trajectories.history(limit));
  Value out = Value::array();
  for (const storage::TrajectoryRow& row : rows)
    out.push_back({{"d", row.d},
                   {"started", base::to_unix(row.started)},
                   {"ended", row.ended ? Value(base::to_unix(*row.ended)) : Value()},
                   {"steps", row.steps},
                   {"model", row.model},
                   {"hash", row.hash ? row.hash->hex() : ""}});
  return out;
}

Result<Value> session_view(storage::Db& db, const StepReader& reader, const std::string& d) {
  storage::Trajectories trajectories(db);
  TRY(const auto row, trajectories.get(d));
  if (!row) return base::fail(base::Errc::kNotFound, "no such session");
  TRY(const auto steps, trajectories.steps(d));
  Value out = {{"d", d}, {"verdict", "running"}, {"steps", Value::array()}};
  std::vector<nostr::Event> events;
  for (const storage::StepRow& step : steps) {
    const Value body = step_body(step, reader);
    const auto event = nostr::parse_event(step.event_json);
    out["steps"].push_back({{"seq", step.seq},
                            {"id", step.event_id.hex()},
                            {"at", int_or(body, "ts")},
                            {"text", step_text(body)},
                            {"signed", event && event->id == step.event_id &&
                                           event->pubkey == row->writer &&
                                           nostr::check(*event).has_value()}});
    if (event) events.push_back(*event);
  }
  if (row->hash)
    out["verdict"] = nipsa::chain_verdict_name(
        nipsa::verify_chain({.agent = row->agent,
                             .session_d = d,
                             .writer = row->writer,
                             .hash = *row->hash,
                             .alg = std::string(nipsa::kChainV1),
                             .count = static_cast<std::uint32_t>(steps.size())},
                            events)
            .verdict);
  return out;
}

}  // namespace node
