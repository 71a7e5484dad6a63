// Kind 39203.
#include "nipsa/goals.h"

#include <algorithm>
#include <cmath>

#include "nipsa/state_json.h"

namespace nipsa {
namespace {

constexpr std::string_view kD = "goals";

Result<void> check_goal(const Goal& goal) {
  if (goal.id.empty()) return fail(Code::kJson, "a goal has no id");
  if (goal.description.empty()) return fail(Code::kJson, "a goal has no description");
  if (!std::isfinite(goal.progress)) return fail(Code::kJson, "progress of a goal is not a number");
  return {};
}

}  // namespace

std::vector<Goal> public_goals(const std::vector<Goal>& goals) {
  std::vector<Goal> out;
  std::ranges::copy_if(goals, std::back_inserter(out), [](const Goal& goal) {
    return base::json::get_bool(goal.extra, "public").value_or(false);
  });
  return out;
}

Result<nostr::Draft> build_goals(std::span<const Goal> goals, UnixTime at) {
  if (goals.size() > kMaxPublicGoals) return fail(Code::kSize, "over 100 public goals");
  Json list = Json::array();
  for (Goal goal : goals) {
    TRY(check_goal(goal));
    goal.extra = Json::object();  // members of others were never meant for everybody
    list.push_back(goal_json(goal));
  }
  std::string content = base::json::dump(Json{{"goals", std::move(list)}});
  if (content.size() > kMaxGoalsContent) return fail(Code::kSize, "the goals are over 32768 bytes");
  return checked({.kind = kinds::kGoals,
                  .created_at = at,
                  .tags = {{"d", std::string(kD)}},
                  .content = std::move(content)});
}

Result<std::vector<Goal>> parse_goals(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kGoals));
  TRY(require_d(event.tags, kD));
  TRY(const Json content, parse_json(event.content));
  if (!content.is_object()) return read_entries<Goal>(content, kD, read_goal);
  const auto list = content.find(kD);
  if (list == content.end()) return fail(Code::kJson, "goals are missing");
  return read_entries<Goal>(*list, kD, read_goal);
}

}  // namespace nipsa
