// Two hundred agents and a thousand tasks in one node: sessions on both sides, their model behind HTTP, one
// database, 32 tasks at a time. Counted, not timed.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "orchestration/agents/registry.h"
#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/tasks/board.h"
#include "orchestration/tools/task_tools.h"
#include "tests/orchestration/support/relay_world.h"
#include "tests/orchestration/support/session_world.h"
#include "tools/model_server/server.h"

namespace orchestration {
namespace {

using base::json::Value;
using storage::TaskRow;
using storage::TaskState;
using testing::must;
using testing::World;
using namespace std::chrono_literals;

constexpr int kAgents = 200;
constexpr int kParents = 200;
constexpr int kTasksEach = 5;
constexpr int kTasks = kParents * kTasksEach;
constexpr std::size_t kSeats = 32;
/// Tasks another tick may begin while one of a tick without any at work waits: one that had been given its seat
/// when the waiting one came, and one by its turn.
constexpr int kMostOvertakes = 2;

std::string order_of(int parent) { return fmt::format("Order {:03}:", parent); }
std::string worker(int number) { return fmt::format("worker-{:03}", number); }

Value call(std::string name, Value arguments) {
  return {{"name", std::move(name)}, {"arguments", std::move(arguments)}};
}

/// A worker looks something up and says that it is done; whoever gave an order hands it out, and waits.
Value script() {
  const Value usage = {{"prompt_tokens", 300}, {"completion_tokens", 20}};
  Value plan = Value::array(
      {{{"if", {"one of the crowd"}}, {"unless", {R"("role":"tool")"}}, {"usage", usage}, {"calls", {call("search_events", {{"limit", 1}})}}},
       {{"if", {"one of the crowd"}}, {"usage", usage}, {"text", "It is done."}},
       {{"if", {"is with worker"}}, {"usage", usage}, {"text", "I wait."}}});
  const int workers = kAgents - static_cast<int>(builtin_agents().size());
  for (int parent = 0; parent < kParents; ++parent) {
    Value calls = Value::array();
    for (int task = 0; task < kTasksEach; ++task)
      calls.push_back(call("background_task", {{"agent", worker((parent * kTasksEach + task) % workers)},
                                               {"description", fmt::format("part {}", task)},
                                               {"task", "Do your part."},
                                               {"outcome", "it is done"}}));
    plan.push_back({{"if", {order_of(parent)}}, {"usage", usage}, {"calls", std::move(calls)}});
  }
  return {{"plan", std::move(plan)}};
}

/// Where a database need not wait for a disk, which is most of what a thousand sessions would do: each of their
/// steps is a commit.
std::filesystem::path quick_place() {
  std::error_code error;
  const auto space = std::filesystem::space("/dev/shm", error);
  return !error && space.available > (512u << 20) ? "/dev/shm" : std::filesystem::temp_directory_path();
}

class Crowd : public ::testing::Test {
 protected:
  Crowd() {
    std::vector<AgentPatch> patches(1);
    patches[0] = {.id = "sisyphus", .origin = "test", .delegates_to = std::vector<std::string>{}};
    for (int i = 0; i + static_cast<int>(builtin_agents().size()) < kAgents; ++i) {
      patches.push_back({.id = worker(i), .origin = "test", .purpose = "does its part",
                         .prompt = fmt::format("You are {}, one of the crowd.", worker(i))});
      patches[0].delegates_to->push_back(worker(i));
    }
    registry_ = std::make_unique<AgentRegistry>(must(AgentRegistry::create({.level = Level::kAutonomous}, patches)));
    EXPECT_EQ(registry_->all().size(), static_cast<std::size_t>(kAgents));
    server_ = must(model_server::ModelServer::listen(0, script()));
    backend_ = must(HttpBackend::create(http_, world_.clock, std::make_unique<ChatDialect>(),
                                        {.id = "scripted", .base_url = server_->base_url(), .wire = {.model = "m"},
                                         .rates = {.in_per_1k = {1000}, .out_per_1k = {1000}}}));
    router_ = Router(*backend_);
    world_.add_gates();
    EXPECT_TRUE(world_.hooks.add({.name = "time", .observe_tool = [this](const ToolInvocation&, const ToolOutput&) { pass(); }}).has_value());
  }
  ~Crowd() override { stop(); }

  /// Everybody whose session has not ended yet, and the board, as a process finds them.
  void begin() {
    board_ = std::make_unique<TaskBoard>(world_.loop, *world_.db, board_clock_, world_.rng,
                                         TaskLimits{.running = kSeats, .queue = kTasks});
    tools_ = std::make_unique<ToolRegistry>();
    for (auto& tool : make_nostr_tools(world_.outside, {.agent = World::identity().agent, .node = World::identity().node, .operators = {}}))
      EXPECT_TRUE(tools_->add(std::move(tool)).has_value());
    for (auto& tool : make_task_tools(*board_, *registry_)) EXPECT_TRUE(tools_->add(std::move(tool)).has_value());
    board_->start([this](TaskRow row) { return child(std::move(row)); }, [](const TaskRow&) {});
    parents_ = std::make_unique<base::Scope>(world_.loop);
    for (int i = 0; i < kParents; ++i)
      if (!results_.contains(i)) parents_->spawn("parent", parent(i));
  }
  void stop() {
    if (!board_) return;
    world_.loop.run_until_complete(board_->stop());
    world_.loop.run_until_complete(parents_->stop());
    board_.reset();
  }
  bool is_over() const { return results_.size() == kParents || !failures_.empty(); }
  /// Until so many tasks are done, or everything is over.
  base::Task<void> until(std::size_t tasks) {
    while (done_ < tasks && !is_over()) co_await changed_.wait_for(1s);
  }
  base::Task<void> until_over() {
    while (!is_over()) co_await changed_.wait_for(1s);
  }

  /// For the board, time is what happens: with every task handed out, begun or done its clock goes on, so that
  /// rows can be put in order.
  void pass() { board_clock_.advance(base::seconds{1}); }

  SessionDeps deps() {
    return {.sessions = world_.sessions, .budgets = world_.budgets, .outside = world_.outside, .router = router_,
            .tools = *tools_, .hooks = world_.hooks, .trajectory = world_.trajectory, .clock = world_.clock,
            .rng = world_.rng, .retry = world_.retry, .tasks = board_.get(), .db = world_.db.get()};
  }
  base::Task<void> parent(int number) {
    Session session(deps(), registry_->primary(), World::identity());
    auto result = co_await session.run(World::mention(order_of(number) + " have it done.", fmt::format("slot-{}", number)));
    if (result) results_.emplace(number, *std::move(result));
    else failures_.push_back(result.error().detail);
    changed_.notify();
  }
  base::Task<base::Result<TaskEnd>> child(TaskRow row) {
    ++begun_;
    most_at_work_ = std::max(most_at_work_, ++at_work_);
    pass();
    struct Leave {
      Crowd& crowd;
      ~Leave() {
        --crowd.at_work_;
        crowd.pass();
      }
    } const leave{*this};
    Session session(deps(), (*registry_->find(row.agent))->spec, World::identity());
    auto result = co_await session.run({.kind = TriggerKind::kTask, .tick = row.tick, .task = row.id,
                                        .session = row.session, .brief = render_brief(must(parse_brief(row.brief)))});
    if (!result) co_return std::unexpected(result.error());
    ++done_;
    changed_.notify();
    co_return TaskEnd{TaskState::kCompleted, result->detail, result->summary};
  }

  // ---- what is fair

  /// A tick has been passed over when it had tasks waiting and none at work, and another one began one. Counted
  /// from the rows, over the time in which so many are in that state that nobody gets a second seat beside the
  /// first: the most that one tick has passed another before that one's turn came.
  int most_overtakes() {
    const auto rows = must(storage::Tasks(*world_.db).history(2 * kTasks));
    std::map<std::string, std::vector<const TaskRow*>> of_tick;
    std::vector<const TaskRow*> starts;
    for (const TaskRow& row : rows) {
      of_tick[row.tick].push_back(&row);
      starts.push_back(&row);
    }
    std::ranges::sort(starts, {}, [](const TaskRow* row) { return *row->started; });
    int most = 0;
    std::map<std::pair<std::string, std::string>, int> passed;
    for (const TaskRow* start : starts) {
      std::erase_if(passed, [&](const auto& entry) { return entry.first.first == start->tick; });
      std::vector<std::string> without;
      for (const auto& [tick, tasks] : of_tick) {
        bool waits = false, works = false;
        for (const TaskRow* task : tasks) {
          waits = waits || (task->created < *start->started && *task->started > *start->started);
          works = works || (*task->started <= *start->started && *task->ended >= *start->started);
        }
        if (waits && !works) without.push_back(tick);
      }
      if (without.size() <= 2 * kSeats) passed.clear();
      else
        for (const std::string& tick : without) most = std::max(most, ++passed[{tick, start->tick}]);
    }
    EXPECT_FALSE(starts.empty());
    return most;
  }

  void expect_everything_told_once() {
    const auto rows = must(storage::Tasks(*world_.db).history(2 * kTasks));
    ASSERT_EQ(rows.size(), static_cast<std::size_t>(kTasks));
    std::map<std::string, std::size_t> of_agent;
    std::map<std::string, std::string> heard;  // by parent: everything it was told
    for (const TaskRow& row : rows) {
      EXPECT_EQ(row.state, TaskState::kCompleted) << row.note;
      EXPECT_EQ(row.result, "It is done.");
      EXPECT_TRUE(row.told) << row.id;
      ++of_agent[row.agent];
      auto& text = heard[row.parent];
      if (text.empty())
        for (const storage::MessageRow& message : must(world_.sessions.transcript(row.parent)))
          if (message.role == "user") text += message.json;
      const std::string sentence = "Task " + row.id + " (";
      const std::size_t at = text.find(sentence);
      EXPECT_NE(at, text.npos) << "never told";
      EXPECT_EQ(text.find(sentence, at + 1), text.npos) << "told twice";
    }
    EXPECT_EQ(of_agent.size(), kAgents - builtin_agents().size());
    EXPECT_EQ(heard.size(), static_cast<std::size_t>(kParents));
    for (const auto& [number, result] : results_) EXPECT_EQ(result.status, SessionStatus::kSuccess) << result.detail;
    EXPECT_TRUE(must(world_.sessions.list_running()).empty());
    const auto day = must(world_.budgets.totals({.key = "node", .limit = std::nullopt, .window = storage::Window::kDay}, world_.clock.now()));
    EXPECT_EQ(day.reserved, base::Msat{0});
    EXPECT_GT(day.spent, base::Msat{0});
  }

  base::ManualClock board_clock_{base::unix_time(1'760'000'000)};
  testing::TempDir dir_{quick_place()};
  World world_{dir_};
  nostr::HttpClient http_{world_.loop};
  base::Signal changed_{world_.loop};
  std::unique_ptr<AgentRegistry> registry_;
  std::unique_ptr<model_server::ModelServer> server_;
  std::unique_ptr<HttpBackend> backend_;
  Router router_;
  std::unique_ptr<TaskBoard> board_;
  std::unique_ptr<ToolRegistry> tools_;
  std::unique_ptr<base::Scope> parents_;
  std::map<int, SessionResult> results_;
  std::vector<std::string> failures_;
  std::size_t done_ = 0, begun_ = 0, at_work_ = 0, most_at_work_ = 0;
};

TEST_F(Crowd, AThousandTasksOfTwoHundredAgentsAllEndFairlyAndAreHeardOfOnce) {
  begin();
  world_.loop.run_until_complete(until_over());
  ASSERT_EQ(failures_, std::vector<std::string>{});
  expect_everything_told_once();
  EXPECT_EQ(begun_, static_cast<std::size_t>(kTasks)) << "each began once";
  EXPECT_LE(most_at_work_, kSeats);
  EXPECT_GT(most_at_work_, 1u) << "they work side by side";
  EXPECT_LE(most_overtakes(), kMostOvertakes);
}

TEST_F(Crowd, StoppedInTheMiddleItGoesOnAndStillNothingIsToldTwice) {
  begin();
  world_.loop.run_until_complete(until(kTasks / 3));
  stop();
  EXPECT_EQ(at_work_, 0u);
  EXPECT_LT(done_, static_cast<std::size_t>(kTasks));
  begin();
  world_.loop.run_until_complete(until_over());
  ASSERT_EQ(failures_, std::vector<std::string>{});
  expect_everything_told_once();
  EXPECT_LE(begun_, kTasks + kSeats) << "only those that were at work began again";
  EXPECT_LE(most_at_work_, kSeats);
  EXPECT_GT(most_at_work_, 1u) << "they work side by side";
}

}  // namespace
}  // namespace orchestration
