#include "orchestration/directives/goals.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "nipsa/state_json.h"
#include "orchestration/envelope.h"

namespace orchestration {
namespace {

using base::Result;
using base::UnixTime;
using nipsa::Goal;
using storage::GoalReport;

constexpr std::size_t kMaxDescription = 400;
constexpr std::size_t kMaxNote = 200;  // in a state
constexpr std::size_t kMaxGone = 20;   // goals whose files are gone
constexpr std::size_t kMaxShown = 10;
constexpr const char* kBy = "by";
constexpr const char* kOperator = "operator";
constexpr const char* kPublic = "public";
constexpr const char* kNote = "note";
constexpr const char* kReported = "reported_at";

std::uint32_t urgency(DirectivePriority priority) {
  switch (priority) {
    case DirectivePriority::kCritical:
      return 1;
    case DirectivePriority::kHigh:
      return 10;
    case DirectivePriority::kMedium:
      return 100;
    case DirectivePriority::kLow:
      return 1'000;
  }
  return 100;
}

std::string_view status_word(DirectiveStatus status) {
  switch (status) {
    case DirectiveStatus::kActive:
      return "active";
    case DirectiveStatus::kPaused:
      return "paused";
    case DirectiveStatus::kBlocked:
      return "paused";
    case DirectiveStatus::kCompleted:
      return "completed";
  }
  return "paused";
}

bool is_open(const Goal& goal) {
  return goal.status == "active" || goal.status == "paused";
}

const GoalReport* report_on(std::span<const GoalReport> reports, std::string_view goal) {
  const auto it = std::ranges::find(reports, goal, &GoalReport::goal);
  return it == reports.end() ? nullptr : &*it;
}

/// What the agent says of it, unless the state knows something later.
void take_report(Goal& goal, std::span<const GoalReport> reports) {
  const GoalReport* report = report_on(reports, goal.id);
  if (report == nullptr || base::to_unix(report->at) < base::json::int_or(goal.extra, kReported))
    return;
  goal.progress = report->percent / 100.0;
  if (base::to_unix(report->at) == 0) return;  // seen, never reported on
  goal.extra[kReported] = base::to_unix(report->at);
  goal.extra[kNote] = std::string(cut_utf8(report->note, kMaxNote));
}

Goal goal_of(const Directive& directive, const Goal* standing, UnixTime now) {
  Goal out;
  if (standing != nullptr) out = *standing;
  out.id = directive.id;
  const std::string goal = directive.goal();
  const std::string words =
      goal.empty() || goal == directive.title ? directive.title : directive.title + ": " + goal;
  out.description = std::string(cut_utf8(words, kMaxDescription));
  out.priority = urgency(directive.priority);
  if (standing == nullptr) out.created_at = base::to_unix(now);
  out.status = status_word(directive.status);
  out.extra[kBy] = kOperator;
  if (directive.is_public)
    out.extra[kPublic] = true;
  else
    out.extra.erase(kPublic);
  return out;
}

}  // namespace

bool is_operators(const Goal& goal) {
  return base::json::string_or(goal.extra, kBy) == kOperator;
}

std::vector<Goal> merged_goals(std::vector<Goal> standing, const std::vector<Directive>& directives,
                               std::span<const GoalReport> reports, UnixTime now) {
  std::vector<Goal> out;
  std::size_t bytes = 0;
  for (const Directive& directive : directives) {
    const auto known = std::ranges::find(standing, directive.id, &Goal::id);
    Goal goal = goal_of(directive, known == standing.end() ? nullptr : &*known, now);
    take_report(goal, reports);
    if (directive.status == DirectiveStatus::kCompleted) goal.progress = 1;
    if (known != standing.end()) standing.erase(known);
    bytes += base::json::dump(nipsa::goal_json(goal)).size();
    if (bytes <= kMaxGoalBytes) out.push_back(std::move(goal));
  }
  std::size_t gone = 0;
  for (Goal& goal : standing) {
    if (!is_operators(goal)) {
      take_report(goal, reports);
      if (is_open(goal) && goal.progress >= 1) goal.status = "completed";
    } else {
      if (++gone > kMaxGone) continue;
      // No file says any more that it is to be reached, so it is not.
      if (is_open(goal)) goal.status = "cancelled";
      goal.extra.erase(kPublic);
    }
    out.push_back(std::move(goal));
  }
  return out;
}

std::size_t changed_goals(const std::vector<Goal>& before, const std::vector<Goal>& after) {
  return static_cast<std::size_t>(std::ranges::count_if(
      after, [&](const Goal& goal) { return std::ranges::find(before, goal) == before.end(); }));
}

Result<void> keep_reports(storage::GoalReports& reports, const std::vector<Goal>& goals) {
  for (const Goal& goal : goals) {
    if (goal.id.empty()) continue;
    const std::int64_t at = std::max<std::int64_t>(0, base::json::int_or(goal.extra, kReported));
    TRY(const auto standing, reports.get(goal.id));
    if (standing && base::to_unix(standing->at) >= at) continue;
    TRY(reports.put(
        {.goal = goal.id,
         .percent = static_cast<int>(std::lround(std::clamp(goal.progress, 0.0, 1.0) * 100)),
         .note = base::json::string_or(goal.extra, kNote),
         .at = base::unix_time(at)}));
  }
  return {};
}

std::string other_goals_section(const std::vector<Goal>& goals) {
  std::string out;
  std::size_t shown = 0;
  for (const Goal& goal : goals) {
    if (is_operators(goal) || goal.status != "active" || shown++ == kMaxShown) continue;
    out += fmt::format("- {} ({} %): {}\n", goal.id, std::lround(goal.progress * 100),
                       cut_utf8(goal.description, kMaxDescription));
  }
  return out;
}

}  // namespace orchestration
