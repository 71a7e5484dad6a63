// Views of histograms and tallies.
#include "node/dashboard/meters.h"

namespace node {
namespace {

using base::Result;
using base::json::Value;

double seconds_of(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1e6; }

Value times_view(const base::HistogramView& times) {
  Value buckets = Value::array();
  for (const auto& [bound, count] : times.up_to)
    buckets.push_back(Value::array({bound == std::chrono::microseconds::max() ? Value() : Value(seconds_of(bound)), count}));
  return {{"up_to", std::move(buckets)}, {"count", times.count}, {"sum", seconds_of(times.sum)}};
}

Value published_view(const PublishCounts& published) {
  Value out = Value::array();
  for (const auto& [key, count] : published) out.push_back({{"relay", key.first}, {"result", key.second}, {"count", count}});
  return out;
}

Result<void> add_approvals(storage::Approvals& approvals, Value& out) {
  TRY(const auto tally, approvals.tally());
  out["approvals"] = Value::array();
  for (const storage::ApprovalTally& one : tally)
    out["approvals"].push_back({{"outcome", storage::name_of(one.state)},
                                {"channel", one.channel.empty() ? "none" : one.channel},
                                {"count", one.count}});
  TRY(const auto times, approvals.answer_times());
  base::Histogram answers(std::chrono::seconds(1));
  for (const std::chrono::seconds time : times) answers.observe(time);
  out["answer"] = times_view(answers.view());
  return {};
}

Value gaps_view(const nostr::Feed& inbox, base::UnixTime now) {
  Value out = Value::array();
  for (const auto& [relay, gap] : inbox.gaps(now))
    if (gap) out.push_back({{"relay", relay}, {"seconds", gap->count()}});
  return out;
}

Result<Value> agents_spent(storage::Budgets& budgets, base::UnixTime now) {
  TRY(const auto spent, budgets.spent_today("agent:", now));
  Value out = Value::array();
  for (const auto& [scope, amount] : spent)
    out.push_back({{"agent", scope.substr(std::string_view("agent:").size())}, {"msat", amount.value}});
  return out;
}

}  // namespace

Result<Value> meters_view(const MeterSources& sources, base::UnixTime now) {
  Value out = {{"verify", times_view(sources.verify_times)}, {"published", published_view(sources.published)}};
  TRY(add_approvals(sources.approvals, out));
  if (sources.sign_times != nullptr) out["sign"] = times_view(*sources.sign_times);
  if (sources.inbox != nullptr) out["gaps"] = gaps_view(*sources.inbox, now);
  if (sources.budgets != nullptr) {
    TRY(out["agents"], agents_spent(*sources.budgets, now));
  }
  return out;
}

}  // namespace node
