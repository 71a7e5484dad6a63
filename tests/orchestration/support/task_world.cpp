// Rows, sessions and tools as a node wires them.
#include "tests/orchestration/support/task_world.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace orchestration::testing {

TaskWorld::TaskWorld(const TempDir& dir, std::vector<AgentPatch> patches) : world(dir) {
  auto made = AgentRegistry::create({.level = Level::kAutonomous}, patches);
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().detail);
  registry = std::make_unique<AgentRegistry>(*std::move(made));
}

TaskWorld::~TaskWorld() { stop(); }

void TaskWorld::start(Backend& backend, TaskLimits bounds) {
  router_ = Router(backend);
  board_ = std::make_unique<TaskBoard>(world.loop, *world.db, world.clock, world.rng, bounds);
  for (auto& tool : make_task_tools(*board_, *registry)) EXPECT_TRUE(world.tools.add(std::move(tool)).has_value());
  board_->start([this](storage::TaskRow row) { return child(std::move(row)); },
                [this](const storage::TaskRow& row) {
                  abandoned.push_back(row.id);
                  hooks.notify({.session = row.session, .agent = row.agent, .phase = SessionPhase::kEnded, .detail = "cut off"});
                });
}

void TaskWorld::stop() {
  if (board_) world.loop.run_until_complete(board_->stop());
  board_.reset();
}

SessionDeps TaskWorld::deps() {
  return {.sessions = world.sessions, .budgets = world.budgets, .outside = world.outside, .router = router_, .tools = world.tools,
          .hooks = hooks, .trajectory = world.trajectory, .clock = world.clock, .rng = world.rng, .retry = world.retry,
          .tasks = board_.get(), .db = world.db.get()};
}

base::Task<base::Result<SessionResult>> TaskWorld::parent(std::string content, std::string tick) {
  Session session(deps(), registry->primary(), World::identity(), limits);
  co_return co_await session.run(World::mention(std::move(content), std::move(tick)));
}

base::Result<SessionResult> TaskWorld::run_parent(std::string content, std::string tick) {
  return world.loop.run_until_complete(parent(std::move(content), std::move(tick)));
}

base::Task<base::Result<TaskEnd>> TaskWorld::child(storage::TaskRow row) {
  CO_TRY(const Brief brief, parse_brief(row.brief));
  CO_TRY(const auto* entry, registry->find(row.agent));
  AgentSpec spec = entry->spec;
  spec.tools.clear();
  Session session(deps(), std::move(spec), World::identity(), limits);
  CO_TRY(const SessionResult result,
         co_await session.run({.kind = TriggerKind::kTask, .tick = row.tick, .trust = Trust::kOperator, .task = row.id,
                               .session = row.session, .brief = render_brief(brief)}));
  co_return TaskEnd{result.status == SessionStatus::kError ? storage::TaskState::kFailed : storage::TaskState::kCompleted,
                    result.detail, result.summary};
}

base::json::Value TaskWorld::errand(std::string description, std::string agent) {
  return {{"agent", std::move(agent)}, {"description", std::move(description)}, {"task", "find it"}, {"outcome", "a list"}};
}

base::Result<std::string> TaskWorld::call(const char* tool, base::json::Value params, std::string session, std::string agent) {
  ToolContext context{.session = std::move(session), .agent = std::move(agent), .call_id = "call-" + std::to_string(++calls_)};
  context.trigger.tick = "slot-1";
  return world.loop.run_until_complete(world.tools.find(tool)->run(std::move(context), std::move(params)));
}

storage::TaskRow TaskWorld::hand_out(std::string description, std::string session) {
  const auto said = call("background_task", errand(std::move(description)), session);
  EXPECT_TRUE(said.has_value()) << (said ? "" : said.error().detail);
  const auto rows = board_->list(session);
  const std::string id = said ? said->substr(said->find("bg_"), 19) : "";
  const auto found = std::ranges::find(*rows, id, &storage::TaskRow::id);
  EXPECT_NE(found, rows->end());
  return found == rows->end() ? storage::TaskRow{} : *found;
}

void TaskWorld::until(const std::function<bool()>& holds) {
  while (!holds()) pass(std::chrono::milliseconds{5});
}

}  // namespace orchestration::testing
