// The world's keys, files and answers.
#include "tests/orchestration/support/session_world.h"

#include <array>
#include <fstream>

#include <gtest/gtest.h>

#include "nipsa/trajectory.h"
#include "nostr/event/event_json.h"

namespace orchestration::testing {
namespace {

template <class T>
T must(base::Result<T> value) {
  EXPECT_TRUE(value.has_value()) << (value ? "" : value.error().detail);
  return *std::move(value);
}

}  // namespace

nostr::SecretKey key_of(std::uint8_t seed) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(seed);
  return must(nostr::SecretKey::from_bytes(bytes));
}

base::Task<base::Result<std::vector<nostr::Event>>> FileOutside::search(nostr::Filter filter) {
  std::vector<nostr::Event> out;
  for (const nostr::Event& event : events)
    if (nostr::matches(filter, event)) out.push_back(event);
  co_return out;
}

bool FileOutside::once(const std::string& line_start, const std::string& line) {
  for (const std::string& known : effects())
    if (known.starts_with(line_start)) return false;
  std::ofstream(path_, std::ios::app) << line << "\n";
  return true;
}

base::Task<base::Result<ActionResult>> FileOutside::act(ActionRequest request) {
  requests.push_back(request);
  if (act_error) co_return std::unexpected(*act_error);
  ActionResult result{.status = ActionStatus::kPublished};
  if (on_act) result = on_act(request);
  if (result.status == ActionStatus::kPublished) {
    const std::string start = "act " + request.key.tick + " " + request.key.call_id + " ";
    once(start, start + request.draft.content);
    result.event_id = must(nostr::EventId::from_hex(nostr::sha256(start).hex()));
  }
  co_return result;
}

base::Task<base::Result<ActionResult>> FileOutside::approve(LocalAction action) {
  const std::string start = "ask " + action.key.tick + " " + action.key.call_id + " ";
  once(start, start + action.reason);
  co_return ActionResult{.status = on_approve};
}

std::vector<std::string> FileOutside::effects() const {
  std::vector<std::string> out;
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) out.push_back(line);
  return out;
}

StoredTrajectory::StoredTrajectory(storage::Db& db, const base::Clock& clock, base::Rng& rng)
    : rows_(db), clock_(clock), rng_(rng) {}

base::Task<base::Result<TrajectoryPosition>> StoredTrajectory::position(std::string session) {
  CO_TRY(const auto row, rows_.get(session));
  TrajectoryPosition out;
  if (!row) co_return out;
  out.first_head = row->first_head;
  out.last_head = row->last_head;
  CO_TRY(const auto steps, rows_.steps(session));
  for (const auto& step : steps) out.events.push_back(step.event_id);
  co_return out;
}

base::Task<base::Result<nostr::EventId>> StoredTrajectory::put_head(std::string session, bool last,
                                                                    nostr::Draft head) {
  if (head_unavailable) co_return base::fail(base::Errc::kUnavailable, "no co-signer is there");
  const nostr::SecretKey group = key_of(1);
  const nostr::Event event = nostr::sign_event(std::move(head), group, rng_);
  CO_TRY(const auto parsed, nipsa::parse_trajectory_session(event));
  ++heads;
  if (last) {
    if (!parsed.end) co_return base::fail(base::Errc::kInvalid, "the closing head has no end");
    CO_TRY(rows_.close(session, parsed.end->hash, event.id, clock_.now()));
    co_return event.id;
  }
  CO_TRY(rows_.add({.d = session,
                    .tick = "",
                    .writer = key_of(2).public_key(),
                    .agent = group.public_key(),
                    .model = parsed.model,
                    .started = clock_.now()}));
  CO_TRY(rows_.set_first_head(session, event.id));
  co_return event.id;
}

base::Task<base::Result<nostr::EventId>> StoredTrajectory::append(std::string session,
                                                                  std::uint32_t seq,
                                                                  nostr::Draft step) {
  const nostr::Event event = nostr::sign_event(std::move(step), key_of(2), rng_);
  CO_TRY(rows_.append(session, seq, event));
  co_return event.id;
}

std::vector<nostr::Event> StoredTrajectory::events(const std::string& session) {
  std::vector<nostr::Event> out;
  for (const auto& row : must(rows_.steps(session)))
    out.push_back(must(nostr::parse_event(row.event_json)));
  return out;
}

ScriptedBackend::ScriptedBackend(std::vector<Outcome> script, Rates rates)
    : rates_(rates),
      script_(std::make_move_iterator(script.begin()), std::make_move_iterator(script.end())) {}

base::Task<ScriptedBackend::Outcome> ScriptedBackend::complete(Request request) {
  requests.push_back(std::move(request));
  if (script_.empty()) co_return fails(ModelFault::kRefused);
  Outcome next = std::move(script_.front());
  script_.pop_front();
  co_return next;
}

Reply ScriptedBackend::says(std::string text, Usage usage) {
  return {.message = {.role = Role::kAssistant, .content = std::move(text)}, .usage = usage};
}

Reply ScriptedBackend::calls(std::vector<std::pair<std::string, std::string>> wanted, Usage usage) {
  Reply reply{.message = {.role = Role::kAssistant}, .finish = Finish::kToolCalls, .usage = usage};
  for (auto& [name, arguments] : wanted)
    reply.message.calls.push_back({"x", std::move(name), std::move(arguments)});
  return reply;
}

ScriptedBackend::Outcome ScriptedBackend::fails(ModelFault fault, Usage usage) {
  return std::unexpected(
      ModelFailure{.fault = fault, .error = {base::Errc::kPeer, "scripted", ""}, .usage = usage});
}

World::World(const TempDir& dir, std::string file)
    : db(must(storage::open_database(dir.path(file)))),
      sessions(*db),
      budgets(*db),
      outside(dir.path("effects")),
      trajectory(*db, clock, rng),
      agent(primary_agent("Tester", Level::kAutonomous)) {
  const Speaker speaker{
      .agent = identity().agent, .node = identity().node, .operators = {key_of(3).public_key()}};
  for (auto& tool : make_nostr_tools(outside, speaker))
    EXPECT_TRUE(tools.add(std::move(tool)).has_value());
}

void World::add_gates(SpendLimits spend) {
  EXPECT_TRUE(hooks.add(permission_gate(agent.permissions, {})).has_value());
  EXPECT_TRUE(hooks.add(autonomy_gate(agent.autonomy)).has_value());
  EXPECT_TRUE(hooks.add(budget_gate(*db, clock, spend)).has_value());
  EXPECT_TRUE(hooks.add(output_truncator(nullptr, clock)).has_value());
}

base::Result<SessionResult> World::run(Backend& backend, Trigger trigger) {
  Router router(backend);
  SessionDeps deps{.sessions = sessions,
                   .budgets = budgets,
                   .outside = outside,
                   .router = router,
                   .tools = tools,
                   .hooks = hooks,
                   .trajectory = trajectory,
                   .clock = clock,
                   .rng = rng,
                   .retry = retry};
  Session session(deps, agent, identity(), limits);
  return loop.run_until_complete(session.run(std::move(trigger)));
}

SessionIdentity World::identity() {
  return {.agent = key_of(1).public_key(), .node = key_of(2).public_key()};
}

Trigger World::mention(std::string content, std::string tick) {
  base::SeededRng rng(99);
  nostr::Draft draft{.kind = 1,
                     .created_at = base::unix_time(1'759'999'990),
                     .tags = {{"p", identity().agent.hex()}},
                     .content = std::move(content)};
  Trigger out{
      .kind = TriggerKind::kMention, .tick = std::move(tick), .relay = "wss://relay.example"};
  out.event = nostr::sign_event(std::move(draft), key_of(9), rng);
  return out;
}

}  // namespace orchestration::testing
