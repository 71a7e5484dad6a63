#include "node/public_goals.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "nostr/base/log.h"
#include "nostr/crypto/hash.h"
#include "orchestration/directives/goals.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using nipsa::Goal;

constexpr std::chrono::seconds kLookEvery{3};
constexpr std::chrono::seconds kRetry{5};
constexpr std::chrono::seconds kFetchPatience{8};

/// What a person would call a change.
std::string said_of(const Goal& goal) {
  return fmt::format("{}\n{}\n{}\n{}\n", goal.id, goal.description, goal.priority, goal.status);
}

std::string said_of(const std::vector<Goal>& goals) {
  std::string out;
  for (const Goal& goal : goals) out += said_of(goal);
  return out;
}

}  // namespace

Result<Value> goals_view(const orchestration::DirectiveFolder& folder,
                         storage::GoalReports& reports) {
  TRY(const auto contents, folder.read());
  TRY(const auto known, reports.list());
  Value out = Value::array();
  for (const orchestration::Directive& one : contents.all) {
    Value view = {{"id", one.id},
                  {"title", one.title},
                  {"status", orchestration::directive_status_name(one.status)},
                  {"priority", orchestration::directive_priority_name(one.priority)},
                  {"public", one.is_public},
                  {"percent", 0},
                  {"note", ""}};
    const auto report = std::ranges::find(known, one.id, &storage::GoalReport::goal);
    if (report != known.end()) {
      view["percent"] = report->percent;
      view["note"] = report->note;
      if (base::to_unix(report->at) > 0) view["reported_at"] = base::to_unix(report->at);
    }
    out.push_back(std::move(view));
  }
  return out;
}

std::vector<Goal> public_goals_now(const std::vector<orchestration::Directive>& directives,
                                   const std::vector<storage::GoalReport>& reports,
                                   const std::vector<Goal>& standing, base::UnixTime now) {
  std::vector<orchestration::Directive> shown;
  std::ranges::copy_if(directives, std::back_inserter(shown), &orchestration::Directive::is_public);
  auto goals = nipsa::public_goals(orchestration::merged_goals({}, shown, reports, now));
  for (Goal& goal : goals)
    if (const auto before = std::ranges::find(standing, goal.id, &Goal::id);
        before != standing.end())
      goal.created_at = before->created_at;
  return goals;
}

bool tells_other_goals(const std::vector<Goal>& standing, const std::vector<Goal>& wanted) {
  return said_of(standing) != said_of(wanted);
}

PublicGoals::PublicGoals(Deps deps, orchestration::DirectiveFolder folder,
                         std::vector<std::string> relays, nostr::PublicKey agent)
    : deps_(deps),
      folder_(std::move(folder)),
      relays_(std::move(relays)),
      agent_(agent),
      events_(deps.db),
      reports_(deps.db) {}

/// Another home of this agent may have published them.
base::Task<Result<void>> PublicGoals::learn_standing() {
  nostr::Filters filters{{.authors = {agent_},
                          .kinds = {nipsa::kinds::kGoals},
                          .tags = {{'d', {"goals"}}},
                          .limit = 1}};
  const nostr::FetchResult found =
      co_await deps_.pool.fetch(relays_, std::move(filters), kFetchPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  for (const nostr::EventPtr& event : found.events)
    CO_TRY(events_.insert(*event, deps_.clock.now()));
  co_return Result<void>{};
}

base::Task<Result<void>> PublicGoals::look() {
  CO_TRY(const auto contents, folder_.read());
  CO_TRY(const auto reports, reports_.list());
  const nostr::Address address{nipsa::kinds::kGoals, agent_, "goals"};
  CO_TRY(const auto head, events_.head(address));
  std::vector<Goal> standing;
  // One that cannot be read says nothing, and is replaced.
  if (head) standing = nipsa::parse_goals(*head).value_or(std::vector<Goal>{});
  const auto wanted = public_goals_now(contents.all, reports, standing, deps_.clock.now());
  if (!tells_other_goals(standing, wanted)) co_return Result<void>{};
  CO_TRY(nostr::Draft draft, nipsa::build_goals(wanted, deps_.clock.now()));
  // What was refused once is not asked again until the files or the relays say something else.
  const std::string about = said_of(wanted) + (head ? head->id.hex() : "");
  Utterance utterance{.key = {"goals", nostr::sha256(about).hex()},
                      .action_class = "goals",
                      .draft = std::move(draft),
                      .reason = "tell everybody the goals that are marked public"};
  CO_TRY(const orchestration::ActionResult said, co_await deps_.voice.say(std::move(utterance)));
  if (said.status != orchestration::ActionStatus::kPublished)
    LOG(kDebug, "goals", "not published", {{"why", said.text}});
  co_return Result<void>{};
}

base::Task<void> PublicGoals::keep() {
  for (;;) {
    auto known = co_await learn_standing();
    if (known) break;
    co_await base::sleep_for(kRetry);
  }
  for (;;) {
    auto looked = co_await look();
    if (!looked) LOG(kDebug, "goals", "public goals wait", {{"detail", looked.error().detail}});
    co_await base::sleep_for(kLookEvery);
  }
}

}  // namespace node
