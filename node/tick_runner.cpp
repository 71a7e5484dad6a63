// Running ticks.
#include "node/tick_runner.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/chain.h"
#include "nipsa/kinds.h"
#include "node/directive_place.h"
#include "node/job_shop.h"
#include "node/tick_budget.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip59.h"
#include "orchestration/directives/goals.h"
#include "orchestration/envelope.h"
#include "orchestration/tools/money_tools.h"
#include "orchestration/tools/task_tools.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::UnixTime;
using orchestration::SessionResult;
using orchestration::SessionStatus;
using orchestration::Trigger;
using orchestration::TriggerKind;
using storage::Durability;
using storage::TickPhase;
using storage::TickRow;
using storage::Tx;

constexpr std::size_t kMaxParallel = 4;  // that do not wait for a person
constexpr std::chrono::milliseconds kQueueLook{100};
constexpr std::chrono::milliseconds kIdleLook{1'000};
constexpr std::chrono::seconds kClaimPatience{600};
constexpr std::chrono::seconds kReportPatience{86'400};
constexpr std::chrono::seconds kRetryPause{2};
constexpr std::size_t kRememberedNotes = 8;    // shown to the model
constexpr std::string_view kNotOpened = "state-unavailable";
constexpr std::chrono::milliseconds kJobLook{1'000};
constexpr std::string_view kNotSaved = "state-not-saved";
constexpr std::size_t kMaxSummaryBytes = 600;  // of one memory
constexpr std::size_t kMaxReportedText =
    8'000;  // of a model's last words; the report must fit one event

nipsa::TriggerName name_of(TriggerKind kind) {
  switch (kind) {
    case TriggerKind::kMention:
      return nipsa::TriggerName::kMention;
    case TriggerKind::kDm:
      return nipsa::TriggerName::kDm;
    case TriggerKind::kHeartbeat:
      return nipsa::TriggerName::kHeartbeat;
    case TriggerKind::kManual:
      return nipsa::TriggerName::kManual;
    case TriggerKind::kDelegation:
    case TriggerKind::kJob:
      return nipsa::TriggerName::kKind;
    case TriggerKind::kTask:
      break;  // wakes a session inside a tick, never a tick
  }
  return nipsa::TriggerName::kManual;
}

nipsa::TickStatus tick_status(SessionStatus status) {
  switch (status) {
    case SessionStatus::kSuccess:
      return nipsa::TickStatus::kSuccess;
    case SessionStatus::kPartial:
      return nipsa::TickStatus::kPartial;
    case SessionStatus::kError:
      return nipsa::TickStatus::kError;
  }
  return nipsa::TickStatus::kError;
}

/// Holds a flag for as long as it lives and tells the next in line.
class Turn {
 public:
  Turn(bool& flag, base::Signal& freed) : flag_(flag), freed_(freed) { flag_ = true; }
  ~Turn() {
    flag_ = false;
    freed_.notify();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  bool& flag_;
  base::Signal& freed_;
};

storage::ErrandRow errand_end(const std::string& slot, const SessionResult& session) {
  storage::ErrandRow out{.slot = slot, .detail = session.detail, .said = session.summary, .turns = session.turns,
                         .calls = session.tool_calls, .cost = session.cost};
  switch (session.status) {
    case SessionStatus::kSuccess: out.outcome = storage::ErrandOutcome::kSuccess; break;
    case SessionStatus::kPartial: out.outcome = storage::ErrandOutcome::kPartial; break;
    case SessionStatus::kError: out.outcome = storage::ErrandOutcome::kError; break;
  }
  return out;
}

/// What is left of a session that was called off before it could begin.
SessionResult called_off() {
  return {.status = SessionStatus::kPartial, .detail = std::string(kCalledOff), .summary = "called off by the operator"};
}

}  // namespace

/// A session at work, which may be cut off without its tick.
struct TickRunner::Job {
  explicit Job(base::Loop& loop) : changed(loop), scope(loop) {}
  std::optional<Result<SessionResult>> done;
  bool left = false;        ///< nothing runs any more
  bool called_off = false;
  base::Signal changed;
  base::Scope scope;
};

TickRunner::TickRunner(Deps deps, const Config& config, VoiceOptions options)
    : deps_(deps),
      config_(config),
      options_(std::move(options)),
      ticks_(deps.db),
      sessions_(deps.db),
      budgets_(deps.db),
      events_(deps.db),
      actions_(deps.db),
      grants_(deps.db),
      errands_(deps.db),
      pause_(deps.home),
      state_({deps.pool, deps.db, deps.clock, deps.rng, deps.signer}, options_.relays),
      saver_({state_, deps.voice, deps.db, deps.clock}),
      delegated_({deps.pool, deps.db, deps.clock, bench_}, options_.relays,
                 deps.signer.public_key()),
      tool_box_({deps.loop, deps.workers, deps.outside, deps.http, deps.db, deps.clock, deps.home},
                config),
      agents_({config, tool_box_, pause_, deps.db, grants_, deps.clock, claimed_budgets(deps.db)}),
      tasks_(deps.loop, deps.db, deps.clock, deps.rng),
      saved_(deps.loop),
      wake_(deps.loop),
      scope_(deps.loop) {
  const orchestration::Speaker speaker{.agent = deps.signer.public_key(),
                                       .node = deps.node.public_key(),
                                       .operators = options_.operators};
  tool_box_.fill(tools_, speaker, [this](const orchestration::ToolContext& context) { return chooser(context); });
  agents_.watch(orchestration::skill_gate(bench_));
  if (config.integrations.marketplace && !deps.shelf.rules().issuers.empty()) {
    CHECK(tools_.add(orchestration::make_use_skill(bench_, deps.shelf)).has_value());
    for (auto& tool : orchestration::make_market_tools(deps.market, agents_.primary().spec.name))
      CHECK(tools_.add(std::move(tool)).has_value());
  }
  if (deps.outside.can_pay())
    CHECK(tools_.add(orchestration::make_pay(deps.clock, agents_.primary().spec.name)).has_value());
  for (auto& tool : orchestration::make_task_tools(tasks_, agents_.registry()))
    CHECK(tools_.add(std::move(tool)).has_value());
}

TickRunner::~TickRunner() = default;

/// Its turns are the asking agent's: by its route, under its hooks, on its budget.
orchestration::IssueChooser TickRunner::chooser(const orchestration::ToolContext& context) {
  if (!config_.agent.choose_issues) return {};
  const auto page = agents_.find(context.agent);
  if (!page) return {};
  return {.runner = std::make_unique<orchestration::Runner>(
              orchestration::RunnerDeps{.caller = {.router = deps_.router, .hooks = (*page)->hooks, .rng = deps_.rng, .retry = {}},
                                        .answers = nullptr,
                                        .clock = deps_.clock,
                                        .rng = deps_.rng},
              orchestration::Runner::Origin{.session = context.session, .tick = context.trigger.tick,
                                            .primary = context.agent, .purpose = "issue"}),
          .capabilities = (*page)->spec.purpose};
}

void TickRunner::start(std::function<void(const TickOutcome&)> ended) {
  ended_ = std::move(ended);
  agents_.check_tools(tools_);
  scope_.spawn("look at the sandbox", tool_box_.announce());
  if (!config_.mcp.empty()) scope_.spawn("mcp servers", tool_box_.keep_servers(tools_));
  tasks_.start([this](storage::TaskRow row) { return run_task(std::move(row)); },
               [this](const storage::TaskRow& row) { abandon_task(row); }, [this] { return held(); });
  scope_.spawn("tick scheduler", schedule());
}

void TickRunner::reload_agents() {
  agents_.reload();
  agents_.check_tools(tools_);
}

base::Task<void> TickRunner::stop() {
  // Sessions first, and none new: what waits for them owns their scopes.
  stopping_ = true;
  co_await tasks_.stop();
  const auto jobs = jobs_;
  for (const auto& [slot, job] : jobs) co_await job->scope.stop();
  co_await scope_.stop();
}

Result<bool> TickRunner::plan(const std::string& slot, TriggerKind kind,
                              std::optional<nostr::EventId> event) {
  return ticks_.add(slot, orchestration::trigger_kind_name(kind), event, deps_.clock.now());
}

Result<std::string> TickRunner::plan_errand(const std::string& text, const std::string& agent) {
  std::string id;
  if (!agent.empty()) {
    TRY(const auto* entry, agents_.registry().find(agent));
    id = entry->spec.id;
  }
  const std::string slot = nipsa::slot_of_manual(deps_.rng);
  TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  TRY(errands_.add(slot, id, text, deps_.clock.now()));
  TRY(plan(slot, TriggerKind::kManual, std::nullopt));
  TRY(tx.commit());
  FAILPOINT("errand-planned");
  wake();
  return slot;
}

Result<void> TickRunner::call_off(const std::string& slot) {
  TRY(const auto errand, errands_.get(slot));
  if (!errand) return fail(Errc::kNotFound, fmt::format("no task is called \"{}\"", orchestration::cut_utf8(slot, 64)), "sovereign task list");
  if (errand->ended) return fail(Errc::kConflict, "that task has ended already", "sovereign task show " + slot);
  TRY(errands_.call_off(slot));
  FAILPOINT("errand-called-off");
  retry_at_.erase(slot);
  if (const auto job = jobs_.find(slot); job != jobs_.end()) {
    job->second->called_off = true;
    job->second->changed.notify();
  }
  wake();
  return {};
}

Result<bool> TickRunner::is_called_off(const std::string& slot) {
  TRY(const auto errand, errands_.get(slot));
  return errand && errand->called_off;
}

/// How many ticks are at work. One that waits for a person is not: otherwise a few questions that
/// nobody answers would stop everything else until they expire.
std::size_t TickRunner::busy() {
  const auto asking = actions_.list_asking();
  if (!asking) return running_.size();
  const auto here = [this](const std::string& tick) { return running_.contains(tick); };
  return running_.size() - static_cast<std::size_t>(std::ranges::count_if(*asking, here));
}

/// Whether nothing may begin. Another process acts for our share: two agents at once would be worse than
/// none; or the operator paused everything.
bool TickRunner::held() const {
  return deps_.signer.fenced() || pause_.reason().has_value();
}

bool is_a_strangers(const TickRow& row) {
  return row.trigger_kind == orchestration::trigger_kind_name(TriggerKind::kMention) ||
         row.trigger_kind == orchestration::trigger_kind_name(TriggerKind::kJob);
}

/// Starts what may run; whether something is left that may not yet. Mentions and jobs come last:
/// anybody can send any number of them.
bool TickRunner::start_some(const std::vector<TickRow>& open) {
  if (held()) return false;
  const UnixTime now = deps_.clock.now();
  std::size_t at_work = busy();
  for (const bool strangers : {false, true}) {
    for (const TickRow& row : open) {
      if (is_a_strangers(row) != strangers || running_.contains(row.slot)) continue;
      if (const auto retry = retry_at_.find(row.slot);
          retry != retry_at_.end() && retry->second > now)
        continue;
      if (at_work++ >= kMaxParallel) return true;
      running_.insert(row.slot);
      scope_.spawn("tick", run(row.slot));
    }
  }
  return false;
}

base::Task<void> TickRunner::schedule() {
  for (;;) {
    bool more = false;
    if (auto open = ticks_.list_unfinished()) {
      more = start_some(*open);
    } else {
      LOG(kError, "tick", "cannot read ticks", {{"detail", open.error().detail}});
    }
    // Nobody reports that a tick has begun to wait, so it is looked for while others queue.
    co_await wake_.wait_for(more ? kQueueLook : kIdleLook);
  }
}

base::Task<void> TickRunner::run(std::string slot) {
  struct Slot {
    TickRunner& owner;
    const std::string& slot;
    ~Slot() {
      owner.running_.erase(slot);
      owner.wake_.notify();
    }
  } const held{*this, slot};
  auto outcome = co_await advance(slot);
  if (outcome) {
    bench_.clear(slot);
    retry_at_.erase(slot);
    LOG(kInfo, "tick", "ended",
        {{"slot", slot},
         {"status", std::string(orchestration::session_status_name(outcome->status))},
         {"detail", outcome->detail}});
    if (ended_) ended_(*outcome);
    co_return;
  }
  LOG(kWarn, "tick", "interrupted; will go on",
      {{"slot", slot}, {"detail", outcome.error().detail}});
  retry_at_[slot] = deps_.clock.now() + kRetryPause;
}

base::Task<Result<TickOutcome>> TickRunner::advance(std::string slot) {
  CO_TRY(auto row, ticks_.get(slot));
  CO_TRY(const bool unwanted, is_called_off(slot));
  if (row->phase == TickPhase::kPlanned && unwanted) {
    CO_TRY(drop(*row));
    co_return TickOutcome{.slot = slot, .status = SessionStatus::kPartial, .detail = std::string(kCalledOff)};
  }
  if (row->phase == TickPhase::kPlanned) {
    CO_TRY(co_await claim(*row));
    CO_TRY(row, ticks_.get(slot));
  }
  if (row->phase == TickPhase::kClaimed) {
    if (unwanted) {
      CO_TRY(give_up(*row, kCalledOff, "called off by the operator"));
    } else {
      CO_TRY(co_await open_state(*row));
    }
    CO_TRY(row, ticks_.get(slot));
  }
  SessionResult session{.status = SessionStatus::kError, .detail = std::string(kNotOpened)};
  if (row->note == kCalledOff) {
    session = called_off();
  } else if (row->note != kNotOpened) {
    CO_TRY(session, co_await think(*row));
  }
  if (row->phase == TickPhase::kRunning) {
    CO_TRY(co_await save_state(*row, session));
    CO_TRY(row, ticks_.get(slot));
  }
  CO_TRY(const nostr::EventId result, co_await report_result(*row, session));
  co_return TickOutcome{.slot = slot,
                        .status = session.status,
                        .detail = session.detail,
                        .result = result,
                        .text = session.summary,
                        .cost = session.cost,
                        .turns = session.turns,
                        .tool_calls = session.tool_calls};
}

// ---- claim
// -----------------------------------------------------------------------------------------

base::Task<Result<void>> TickRunner::claim(TickRow row) {
  CO_TRY(const TriggerKind kind, orchestration::parse_trigger_kind(row.trigger_kind));
  const UnixTime now = deps_.clock.now();
  nipsa::TickRequest request{.d = nipsa::random_d("tick-", deps_.rng),
                             .agent = deps_.signer.public_key(),
                             .trigger = name_of(kind),
                             .slot = row.slot,
                             .max_steps = config_.agent.max_steps,
                             .budget = budget_to_claim(config_.budget.per_tick)};
  if (row.trigger_event)
    request.trigger_event =
        nostr::EventRef{.id = *row.trigger_event, .relay = options_.relays.front()};
  if (!options_.operators.empty()) request.guardian = options_.operators.front();
  CO_TRY(nostr::Draft draft, nipsa::build_tick_request(request, deps_.node.public_key(), now));
  const nostr::Event event = nostr::sign_event(std::move(draft), deps_.node.key(), deps_.rng);
  CO_TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  CO_TRY(ticks_.set_claim(row.slot, event));
  CO_TRY(events_.insert(event, now));
  CO_TRY(deps_.publisher.post(event, options_.relays, "claim", kClaimPatience));
  CO_TRY(tx.commit());
  FAILPOINT("claim-committed");
  co_return Result<void>{};
}

// ---- state
// -----------------------------------------------------------------------------------------

/// Never runs with an empty state while one stands: without it the tick waits, and ends when it is
/// lost.
base::Task<Result<void>> TickRunner::open_state(TickRow row) {
  // The co-signers admit the secret only against a claim they can see.
  CO_TRY(co_await deps_.publisher.settled(*row.claim_id));
  auto opened = co_await state_.open(*row.claim_id);
  if (!opened && (opened.error().code == Errc::kDenied || state_is_lost(opened.error()))) {
    // Nothing runs until somebody does something about it, so operators are told.
    if (state_is_lost(opened.error()))
      agents_.primary().hooks.notify({.session = row.slot,
                                      .agent = agents_.primary().spec.id,
                                      .phase = orchestration::SessionPhase::kEnded,
                                      .detail = "state-unavailable, " + opened.error().detail});
    co_return give_up(row, kNotOpened, opened.error().detail);
  }
  CO_TRY(StateKeeper::Opened whole, std::move(opened));
  CO_TRY(orchestration::keep_reports(tool_box_.goals(), whole.state.goals));
  // The session is shown the newest of it; all of it is opened again when it is saved.
  CO_TRY(const nipsa::State shown, nipsa::pruned(std::move(whole.state)));
  CO_TRY(const std::string json, nipsa::encode_state(shown));
  CO_TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  CO_TRY(ticks_.set_state_json(row.slot, json));
  CO_TRY(ticks_.set_phase(row.slot, TickPhase::kClaimed, TickPhase::kRunning, "thinking",
                          deps_.clock.now()));
  CO_TRY(tx.commit());
  FAILPOINT("state-opened");
  co_return Result<void>{};
}

/// The tick can or may not begin: the co-signers refuse for good what it needs (the claim ran out while
/// this machine was off, say), or it was called off. Nothing was done yet, and that is what the report says.
Result<void> TickRunner::give_up(const TickRow& row, std::string_view note, const std::string& why) {
  LOG(kWarn, "tick", "given up", {{"slot", row.slot}, {"why", why}});
  const UnixTime now = deps_.clock.now();
  TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  TRY(ticks_.set_phase(row.slot, TickPhase::kClaimed, TickPhase::kRunning, note, now));
  TRY(ticks_.set_phase(row.slot, TickPhase::kRunning, TickPhase::kReporting, note, now));
  return tx.commit();
}

/// Called off before anybody heard of it: there is nothing to report.
Result<void> TickRunner::drop(const TickRow& row) {
  const UnixTime now = deps_.clock.now();
  TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  TRY(ticks_.set_phase(row.slot, TickPhase::kPlanned, TickPhase::kFailed, kCalledOff, now));
  TRY(errands_.end({.slot = row.slot, .outcome = storage::ErrandOutcome::kPartial, .detail = std::string(kCalledOff)}, now));
  return tx.commit();
}

/// What this tick adds to the state.
Result<void> TickRunner::add_to_state(nipsa::State& state, const TickRow& row,
                                      const SessionResult& session) {
  const UnixTime now = deps_.clock.now();
  state.tick_count += 1;
  state.last_tick = base::to_unix(now);
  // A folder that cannot be read leaves the goals as they were: the memory of the tick matters more.
  const auto directives = directive_folder(deps_.home, config_.tools).read();
  if (config_.integrations.directives && directives) {
    TRY(const auto reports, tool_box_.goals().list());
    state.goals =
        orchestration::merged_goals(std::move(state.goals), directives->all, reports, now);
  }
  // A customer's words, and what they made a model say, are no memory of the agent's.
  if (row.trigger_kind == orchestration::trigger_kind_name(TriggerKind::kJob)) return {};
  if (session.summary.empty() && session.actions.empty()) return {};
  // Two ticks may end in one second; in a state they still follow one another, so that parts stay
  // as they are.
  const std::int64_t newest = state.memory.empty() ? 0 : state.memory.back().timestamp;
  state.memory.push_back(
      {.id = session.session,
       .type = "observation",
       .content = fmt::format("{} ({} acts): {}", row.trigger_kind, session.actions.size(),
                              orchestration::cut_utf8(session.summary, kMaxSummaryBytes)),
       .timestamp = std::max(base::to_unix(now), newest + 1)});
  return {};
}

base::Task<Result<void>> TickRunner::save_state(TickRow row, SessionResult session) {
  while (saving_) co_await saved_.wait_for(std::chrono::seconds{1});
  const Turn turn(saving_, saved_);
  StateSaver::Change change = [this, row, session](nipsa::State& state) {
    return add_to_state(state, row, session);
  };
  CO_TRY(const std::string why_not,
         co_await saver_.save(row.slot, *row.claim_id, std::move(change)));
  if (!why_not.empty())
    LOG(kWarn, "tick", "state not saved", {{"slot", row.slot}, {"why", why_not}});
  deps_.signer.forget();
  CO_TRY(ticks_.set_phase(row.slot, TickPhase::kRunning, TickPhase::kReporting,
                          why_not.empty() ? "" : kNotSaved, deps_.clock.now()));
  FAILPOINT("state-saved");
  co_return Result<void>{};
}

// ---- thinking
// --------------------------------------------------------------------------------------

Result<Trigger> TickRunner::trigger_of(const TickRow& row) {
  Trigger trigger{
      .tick = row.slot, .tick_request = *row.claim_id, .relay = options_.relays.front()};
  TRY(trigger.kind, orchestration::parse_trigger_kind(row.trigger_kind));
  if (trigger.kind == TriggerKind::kManual) {
    TRY(const auto errand, errands_.get(row.slot));
    if (!errand) return fail(Errc::kNotFound, "nobody wrote down what was to be done");
    trigger.brief = errand->text;
    trigger.trust = orchestration::Trust::kOperator;
  }
  if (trigger.kind == TriggerKind::kJob) {
    TRY(storage::JobRow job, job_of(row));
    TRY(const nostr::JobRequest opened, orchestration::open_job(job.event, deps_.node.key()));
    job.event.content = job_text(opened);
    trigger.event = std::move(job.event);
    return trigger;  // a stranger's, whoever it is: the operator orders by other means
  }
  if (!row.trigger_event) return trigger;
  TRY(const auto event, events_.get(*row.trigger_event));
  if (trigger.kind == TriggerKind::kDelegation) trigger.trust = orchestration::Trust::kKnown;
  if (!event && trigger.kind == TriggerKind::kDelegation) return trigger;  // taken back since
  if (!event) return fail(Errc::kNotFound, "the event that woke the agent is not in the store");
  trigger.event = *event;
  if (trigger.kind == TriggerKind::kDm) {
    TRY(const nostr::Rumor rumor, nostr::unwrap(*event, deps_.node.key()));
    trigger.event = nostr::Event{.id = rumor.id,
                                 .pubkey = rumor.event.pubkey,
                                 .created_at = rumor.event.created_at,
                                 .kind = rumor.event.kind,
                                 .tags = rumor.event.tags,
                                 .content = rumor.event.content};
  }
  const auto& roster = options_.operators;
  if (std::find(roster.begin(), roster.end(), trigger.event->pubkey) != roster.end())
    trigger.trust = orchestration::Trust::kOperator;
  return trigger;
}

/// Holds the tick to the delegation that caused it, if one did; why nothing is done under it, or
/// "".
base::Task<Result<std::string>> TickRunner::narrow(TickRow row, Trigger trigger) {
  if (trigger.kind != TriggerKind::kDelegation) co_return std::string();
  if (!trigger.event) co_return std::string("delegation-revoked");
  co_return co_await delegated_.begin(row.slot, *trigger.event);
}

base::Task<Result<SessionResult>> TickRunner::think(TickRow row) {
  CO_TRY(Trigger trigger, trigger_of(row));
  CO_TRY(std::string refused, co_await narrow(row, trigger));
  if (!refused.empty())
    co_return SessionResult{.status = SessionStatus::kError, .detail = std::move(refused)};
  CO_TRY(co_await deps_.shelf.reopen(bench_, row.slot, *row.claim_id));
  TrajectoryRecord record(
      {deps_.db, deps_.clock, deps_.rng, deps_.node, deps_.voice, deps_.publisher}, options_,
      row.slot, *row.claim_id, deps_.signer.public_key());
  auto found = page_for(row);
  // Switched off since, or taken out of the configuration.
  if (!found)
    co_return SessionResult{.status = SessionStatus::kError, .detail = "agent-gone", .summary = found.error().detail};
  const AgentBook::Page& page = **found;
  orchestration::AgentSpec agent = page.spec;
  // What is said to a customer goes out unread: of its memory and goals the agent is told nothing.
  if (!row.state_json.empty() && trigger.kind != TriggerKind::kJob) {
    CO_TRY(const nipsa::State state, nipsa::decode_state(row.state_json));
    if (const std::string goals = orchestration::other_goals_section(state.goals); !goals.empty())
      agent.prompt += "\nYour other goals:\n" + orchestration::enclose({.source = "goals"}, goals);
    const std::size_t first =
        state.memory.size() > kRememberedNotes ? state.memory.size() - kRememberedNotes : 0;
    for (std::size_t i = first; i < state.memory.size(); ++i)
      agent.prompt += "\n" + orchestration::enclose({.source = "memory", .id = state.memory[i].id},
                                                    state.memory[i].content);
  }
  const auto session_here = [&] {
    return std::make_shared<orchestration::Session>(
        session_deps(page, record), agent,
        orchestration::SessionIdentity{.agent = deps_.signer.public_key(), .node = deps_.node.public_key()},
        orchestration::SessionLimits{.max_turns = config_.agent.max_steps});
  };
  const auto job = std::make_shared<Job>(deps_.loop);
  CO_TRY(job->called_off, is_called_off(row.slot));
  if (!job->called_off) {
    if (stopping_) co_return fail(Errc::kCancelled, "the node stops");
    jobs_[row.slot] = job;
    struct Leave {
      TickRunner& runner;
      const std::string& slot;
      ~Leave() { runner.jobs_.erase(slot); }
    } const leave{*this, row.slot};
    job->scope.spawn("session", work(job, session_here(), trigger));
    while (!job->left && !job->called_off) co_await job->changed.wait_for(kJobLook);
    co_await job->scope.stop();
    if (job->done) co_return *std::move(job->done);
    if (stopping_) co_return fail(Errc::kCancelled, "the node stops");
    if (!job->called_off) co_return fail(Errc::kInternal, "the session broke off");
  }
  CO_TRY(const auto sessions, sessions_.of_tick(row.slot));
  for (const storage::SessionRow& one : sessions) CO_TRY(tasks_.cancel_all(one.id));
  CO_TRY(deps_.outside.call_off(row.slot));
  co_return co_await session_here()->abandon(
      std::move(trigger), {SessionStatus::kPartial, std::string(kCalledOff), "called off by the operator"});
}

base::Task<void> TickRunner::work(std::shared_ptr<Job> job, std::shared_ptr<orchestration::Session> session,
                                  Trigger trigger) {
  struct Leave {
    Job& job;
    ~Leave() {
      job.left = true;
      job.changed.notify();
    }
  } const leave{*job};
  job->done = co_await session->run(std::move(trigger));
}

/// Whose session the tick is.
Result<std::shared_ptr<const AgentBook::Page>> TickRunner::page_for(const TickRow& row) {
  using Page = std::shared_ptr<const AgentBook::Page>;
  const auto kept = [](const AgentBook::Page* page) { return Page(Page(), page); };  // by the book
  if (row.trigger_kind == orchestration::trigger_kind_name(TriggerKind::kJob)) {
    TRY(const storage::JobRow job, job_of(row));
    const auto offer = std::ranges::find_if(config_.jobs, [&](const JobConfig& one) {
      return one.enabled && one.kind == job.event.kind;
    });
    if (offer == config_.jobs.end()) return fail(Errc::kNotFound, "this work is not offered any more");
    return agents_.for_stranger(offer->agent);
  }
  TRY(const auto errand, errands_.get(row.slot));
  if (!errand || errand->agent.empty()) return kept(&agents_.primary());
  TRY(const AgentBook::Page* page, agents_.find(errand->agent));
  return kept(page);
}

/// The job that a tick was planned for.
Result<storage::JobRow> TickRunner::job_of(const TickRow& row) {
  if (!row.trigger_event) return fail(Errc::kNotFound, "a job without its request");
  TRY(auto job, storage::Jobs(deps_.db).get(*row.trigger_event));
  if (!job) return fail(Errc::kNotFound, "the job is not in the books");
  return *std::move(job);
}

orchestration::SessionDeps TickRunner::session_deps(const AgentBook::Page& page, TrajectoryRecord& record) {
  return {.sessions = sessions_,
          .budgets = budgets_,
          .outside = deps_.outside,
          .router = deps_.router,
          .tools = tools_,
          .hooks = page.hooks,
          .trajectory = record,
          .clock = deps_.clock,
          .rng = deps_.rng,
          .retry = {},
          .tasks = &tasks_,
          .db = &deps_.db};
}

// ---- tasks
// -----------------------------------------------------------------------------------------

/// The session of a task: the agent it was handed to, in the tick it was handed out in.
base::Task<Result<orchestration::TaskEnd>> TickRunner::run_task(storage::TaskRow row) {
  using storage::TaskState;
  CO_TRY(const auto tick, ticks_.get(row.tick));
  if (!tick || !tick->claim_id) co_return fail(Errc::kNotFound, "the tick of the task is not there");
  CO_TRY(const Trigger woken_by, trigger_of(*tick));
  CO_TRY(const std::string refused, co_await narrow(*tick, woken_by));
  if (!refused.empty()) co_return orchestration::TaskEnd{TaskState::kFailed, refused, ""};
  CO_TRY(co_await deps_.shelf.reopen(bench_, row.tick, *tick->claim_id));
  CO_TRY(const auto parent, sessions_.get(row.parent));
  CO_TRY(const orchestration::Brief brief, orchestration::parse_brief(row.brief));
  const auto page = agents_.hire(row.agent, parent ? parent->agent : "", brief.tools);
  // Switched off since, or taken out of the configuration.
  if (!page) co_return orchestration::TaskEnd{TaskState::kFailed, page.error().detail, ""};
  TrajectoryRecord record({deps_.db, deps_.clock, deps_.rng, deps_.node, deps_.voice, deps_.publisher},
                          options_, row.tick, *tick->claim_id, deps_.signer.public_key(), row.id);
  const orchestration::AgentSpec& spec = (*page)->spec;
  orchestration::Session session(
      session_deps(**page, record), spec,
      {.agent = deps_.signer.public_key(), .node = deps_.node.public_key()}, {.max_turns = spec.max_steps});
  CO_TRY(const SessionResult result,
         co_await session.run({.kind = TriggerKind::kTask,
                               .tick = row.tick,
                               .tick_request = *tick->claim_id,
                               .relay = options_.relays.front(),
                               .trust = woken_by.trust,
                               .task = row.id,
                               .session = row.session,
                               .brief = orchestration::render_brief(brief)}));
  co_return orchestration::TaskEnd{
      result.status == SessionStatus::kError ? TaskState::kFailed : TaskState::kCompleted, result.detail,
      result.summary};
}

/// Closes the books of a session that was cut off: its row, what it had reserved, and what it was asking.
void TickRunner::abandon_task(const storage::TaskRow& row) {
  if (auto quiet = deps_.outside.stop_asking(row.tick, row.id + ":"); !quiet)
    LOG(kError, "tasks", "questions of a task stay open", {{"task", row.id}, {"detail", quiet.error().detail}});
  const auto session = sessions_.get(row.session);
  if (!session || !*session || (*session)->state != storage::SessionState::kRunning) return;
  if (auto closed = sessions_.finish(row.session, storage::SessionState::kFailed, "cut off", deps_.clock.now()); !closed)
    LOG(kError, "tasks", "a session was not closed", {{"task", row.id}, {"detail", closed.error().detail}});
  if (const auto page = agents_.find(row.agent))
    (*page)->hooks.notify({.session = row.session,
                           .agent = row.agent,
                           .phase = orchestration::SessionPhase::kEnded,
                           .detail = "cut off"});
}

// ---- report
// ----------------------------------------------------------------------------------------

base::Task<Result<nostr::EventId>> TickRunner::report_result(TickRow row, SessionResult session) {
  const UnixTime now = deps_.clock.now();
  const nostr::PublicKey agent = deps_.signer.public_key();
  // With what the agents it handed tasks to have spent.
  CO_TRY(const base::Msat cost, budgets_.spent_in_tick(row.slot));
  CO_TRY(const auto reported, tool_box_.goals().list());
  nipsa::TickReport report{
      .tokens_in = static_cast<std::int64_t>(session.usage.prompt_tokens),
      .tokens_out = static_cast<std::int64_t>(session.usage.completion_tokens),
      .cost = base::to_sat_ceil(cost),
      .goals_updated = static_cast<std::uint32_t>(std::ranges::count_if(
          reported, [&](const storage::GoalReport& one) { return one.at >= row.started; })),
      .summary = std::string(orchestration::cut_utf8(session.summary, kMaxReportedText))};
  nipsa::TickResult result{
      .request = *row.claim_id,
      .agent = agent,
      .status = tick_status(session.status),
      .detail = session.detail,
      .cost = report.cost,
      .duration_ms = std::max<std::int64_t>(1, (now - row.started).count() * 1000)};
  if (session.trajectory.count > 0) {
    result.trajectory =
        nostr::EventRef{.id = session.trajectory.last_head, .relay = options_.relays.front()};
    result.trajectory_hash = session.trajectory.hash;
    result.trajectory_alg = nipsa::kChainV1;
    result.trajectory_count = session.trajectory.count;
  }
  for (const orchestration::SessionAction& action : session.actions) {
    base::json::Value entry = {{"type", orchestration::action_class_name(action.action)},
                               {"status", orchestration::action_status_name(action.result.status)}};
    if (action.result.event_id) entry["id"] = action.result.event_id->hex();
    report.actions.push_back(std::move(entry));
    // A denial is a decision too, but approved nothing.
    if (action.result.decision && action.result.status != orchestration::ActionStatus::kDenied)
      result.guardian_approved.push_back(*action.result.decision);
  }
  result.actions = static_cast<std::uint32_t>(report.actions.size());
  result.guardian_auto = result.guardian_approved.empty();
  if (row.note == kNotSaved && result.status == nipsa::TickStatus::kSuccess) {
    result.status = nipsa::TickStatus::kPartial;
    result.detail = row.note;
  }
  CO_TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(deps_.node.key(), agent));
  CO_TRY(result.content, nostr::nip44_encrypt(key, nipsa::encode_report(report), deps_.rng));
  CO_TRY(nostr::Draft draft, nipsa::build_tick_result(result, deps_.node.public_key(), now));
  const nostr::Event event = nostr::sign_event(std::move(draft), deps_.node.key(), deps_.rng);
  CO_TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  CO_TRY(ticks_.set_result(row.slot, event.id));
  CO_TRY(ticks_.set_phase(row.slot, TickPhase::kReporting, TickPhase::kDone, session.detail, now));
  if (nipsa::is_manual_slot(row.slot)) CO_TRY(errands_.end(errand_end(row.slot, session), now));
  CO_TRY(events_.insert(event, now));
  CO_TRY(deps_.publisher.post(event, options_.relays, "tick-result", kReportPatience));
  CO_TRY(tx.commit());
  FAILPOINT("result-committed");
  co_return event.id;
}

}  // namespace node
