#include "orchestration/pace.h"

#include <algorithm>

#include "orchestration/names.h"

namespace orchestration {
namespace {

using base::json::Value;
using std::chrono::milliseconds;

constexpr Name<PaceKind> kKinds[] = {{PaceKind::kToolCall, "tool_call"},
                                     {PaceKind::kThinking, "thinking"},
                                     {PaceKind::kResponse, "response"},
                                     {PaceKind::kPlanning, "planning"},
                                     {PaceKind::kDelegation, "delegation"}};

double minutes(milliseconds span) { return static_cast<double>(span.count()) / 60'000.0; }

/// The value below which `share` of them lie. `sorted` is not empty.
milliseconds quantile(const std::vector<milliseconds>& sorted, double share) {
  const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5);
  return sorted[at];
}

}  // namespace

std::string_view pace_kind_name(PaceKind kind) { return name_in(kKinds, kind); }

void PaceMeter::record(PaceAction action, Time at) {
  ++total_;
  if (!action.success) ++failed_;
  tokens_in_ += action.tokens_in;
  tokens_out_ += action.tokens_out;
  lasted_ += action.duration;
  // Kept by time, whatever the order they are told in: a late one must not hold back pruning.
  const auto place = std::upper_bound(kept_.begin(), kept_.end(), at, [](Time time, const Kept& one) { return time < one.at; });
  kept_.insert(place, {at, std::move(action)});
  if (kept_.size() > kMaxKept) kept_.pop_front();
}

void PaceMeter::prune(Time now) {
  while (!kept_.empty() && kept_.front().at <= now - window_) kept_.pop_front();
}

PaceSnapshot PaceMeter::snapshot(Time now) {
  prune(now);
  PaceSnapshot out{.in_window = kept_.size(), .total = total_, .failed = failed_, .tokens_in = tokens_in_, .tokens_out = tokens_out_};
  out.apm = static_cast<double>(kept_.size()) / minutes(window_);
  const auto lived = std::max(std::chrono::duration_cast<milliseconds>(now - start_), milliseconds{1000});
  out.lifetime_apm = static_cast<double>(total_) / minutes(lived);
  if (total_ > 0) {
    out.average = lasted_ / static_cast<std::int64_t>(total_);
    out.success_rate = static_cast<double>(total_ - failed_) / static_cast<double>(total_);
  }
  std::map<std::string, std::vector<milliseconds>> by_tool;
  for (const Kept& one : kept_)
    if (one.action.kind == PaceKind::kToolCall) by_tool[one.action.tool].push_back(one.action.duration);
  for (auto& [tool, durations] : by_tool) {
    std::ranges::sort(durations);
    out.tools[tool] = {durations.size(), quantile(durations, 0.5), quantile(durations, 0.95)};
  }
  return out;
}

Value to_json(const PaceSnapshot& snapshot) {
  Value tools = Value::object();
  for (const auto& [tool, latency] : snapshot.tools)
    tools[tool] = {{"calls", latency.calls}, {"p50_ms", latency.p50.count()}, {"p95_ms", latency.p95.count()}};
  return {{"apm", snapshot.apm},
          {"lifetime_apm", snapshot.lifetime_apm},
          {"actions_in_window", snapshot.in_window},
          {"total_actions", snapshot.total},
          {"failed_actions", snapshot.failed},
          {"tokens_in", snapshot.tokens_in},
          {"tokens_out", snapshot.tokens_out},
          {"average_ms", snapshot.average.count()},
          {"success_rate", snapshot.success_rate},
          {"tools", tools}};
}

}  // namespace orchestration
