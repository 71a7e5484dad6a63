// What the node tells its operator, on the command line, the dashboard and the metrics page, and
// what it is told.
#include <fmt/format.h>

#include "node/agent_app.h"
#include "node/agents_view.h"
#include "node/approvals_view.h"
#include "node/dashboard/meters.h"
#include "node/dashboard/views.h"
#include "node/delegations.h"
#include "node/desk_views.h"
#include "node/directive_place.h"
#include "node/grants_view.h"
#include "node/issues_view.h"
#include "node/outbox_view.h"
#include "node/pause.h"
#include "node/tasks_view.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::UnixTime;
using base::json::Value;

constexpr int kSpendDays = 30;
constexpr std::size_t kShownSessions = 20;
constexpr std::size_t kShownEntries = 60;
constexpr std::size_t kMaxErrandBytes = 65'536;
constexpr std::chrono::milliseconds kStepPatience{1'000};  // of one request for steps

}  // namespace

Value AgentApp::cosigner_view() const {
  Value out = Value::array();
  for (const frostr::Readiness::Member& member : signer_->readiness().members) {
    Value view = {{"idx", member.idx.value},
                  {"online", member.online},
                  {"judges", member.judges},
                  {"nonces", member.nonces},
                  {"round_trip_ms", member.round_trip.count()},
                  {"apart", member.apart},
                  {"why_not", member.why_not}};
    if (member.service) view["service"] = member.service->hex();
    if (member.lease)
      view["lease"] = {{"held", member.lease->held}, {"until", base::to_unix(member.lease->until)}};
    out.push_back(std::move(view));
  }
  return out;
}

StepReader AgentApp::step_reader() const {
  return {.key = &node_.key(),
          .reader = options_.operators.empty() ? std::nullopt
                                               : std::optional(options_.operators.front())};
}

Result<Value> AgentApp::tasks_view() {
  TRY(const auto ticks, ticks_.list_unfinished());
  TRY(const auto actions, storage::Actions(*db_).list_unfinished());
  Value out = Value::array();
  for (const storage::TickRow& tick : ticks) {
    Value view = {{"slot", tick.slot},
                  {"trigger", tick.trigger_kind},
                  {"phase", std::string(storage::name_of(tick.phase))},
                  {"note", tick.note},
                  {"started", base::to_unix(tick.started)},
                  {"waits_for", ""}};
    for (const storage::ActionRow& action : actions)
      if (action.tick == tick.slot && action.state == storage::ActionState::kAsked)
        view["waits_for"] = "the operator's answer about " + action.action_class;
    out.push_back(std::move(view));
  }
  return out;
}

Result<Value> AgentApp::status() {
  const UnixTime now = runtime_.clock.now();
  const frostr::Readiness readiness = signer_->readiness();
  TRY(const storage::BudgetTotals day,
      budgets_.totals(
          {.key = "node", .limit = config_.budget.per_day, .window = storage::Window::kDay}, now));
  TRY(const Value running, tasks_view());
  Value out = {{"role", "node"},
               {"identity", identity().hex()},
               {"npub", nostr::encode_npub(identity())},
               {"node", node_key().hex()},
               {"relays", relay_view(runtime_.pool.status())},
               {"cosigners", cosigner_view()},
               {"ready", readiness.ready},
               {"paused", PauseSwitch(home_).reason().value_or("")},
               {"why_not", readiness.why_not},
               {"budget",
                {{"day_limit_msat", config_.budget.per_day.value},
                 {"day_spent_msat", day.spent.value},
                 {"day_reserved_msat", day.reserved.value},
                 {"tick_limit_msat", config_.budget.per_tick.value}}},
               {"tasks", running}};
  TRY(out["outbox"], outbox_view(outbox_));
  TRY(const StateFacts state, StateBook(*db_).facts());
  out["state"] = state_view(state);
  out["goals"] = Value::array();
  if (config_.integrations.directives) {
    storage::GoalReports reports(*db_);
    TRY(out["goals"], goals_view(directive_folder(home_, config_.tools), reports));
  }
  out["pace"] = orchestration::pace_view(runner_->pace());
  if (const auto offset = runtime_.pool.clock_offset())
    out["clock_behind_seconds"] = offset->behind.count();
  if (dashboard_) out["dashboard"] = dashboard_->port();
  if (readiness.lease_until) out["lease_elsewhere_until"] = base::to_unix(*readiness.lease_until);
  out["operators"] = reach_view(*desk_);
  if (!agents_error_.empty()) out["agents_error"] = agents_error_;
  TRY(out["agents"], agents_view(config_, minds_.router()));
  TRY(out["pending"], pending_view(approvals_, now));
  return out;
}

Result<std::string> AgentApp::metrics() {
  const UnixTime now = runtime_.clock.now();
  const base::HistogramView sign_times = signer_->sign_times();
  TRY(Value seen, status());
  TRY(seen["meters"], meters_view({.verify_times = runtime_.pool.verify_times(),
                                   .published = publisher_.counts(),
                                   .approvals = approvals_,
                                   .sign_times = &sign_times,
                                   .inbox = triggers_.get(),
                                   .budgets = &budgets_},
                                  now));
  TRY(seen["meters"]["backends"], minds_.view(config_, budgets_, now));
  return metrics_text(seen, now);
}

OrderPlace AgentApp::order_place() {
  return {.home = home_,
          .grants = db_.get(),
          .status = [this] { return status(); },
          .budget = [this] { return treasury_.budget(Value::object()); }};
}

Result<Value> AgentApp::dashboard_now() {
  const UnixTime now = runtime_.clock.now();
  TRY(Value seen, status());
  Value out = {{"doing", doing_now(seen)}, {"health", timeline_.view()}};
  out["status"] = std::move(seen);
  TRY(out["spend"], spend_view(*db_, now, kSpendDays));
  TRY(out["sessions"], sessions_view(*db_, kShownSessions));
  TRY(out["record"], record_view(*db_, step_reader(), UnixTime{}, kShownEntries));
  return out;
}

Result<void> AgentApp::start_dashboard() {
  if (config_.dashboard.listen.empty()) return {};
  TRY(const DashboardAddress address, parse_dashboard_address(config_.dashboard.listen));
  TRY(std::string token, dashboard_token(home_, runtime_.rng));
  DashboardSource source{
      .now = [this] { return dashboard_now(); },
      .session = [this](const std::string& d) { return session_view(*db_, step_reader(), d); },
      .metrics =
          [this] {
            const auto text = metrics();
            return text ? *text : std::string();
          },
      .pause = [this](const std::string& reason) { return PauseSwitch(home_).pause(reason); }};
  TRY(dashboard_,
      Dashboard::start(runtime_.loop, runtime_.net, address, std::move(token), std::move(source)));
  LOG(kInfo, "node", "dashboard", {{"port", std::to_string(dashboard_->port())}});
  return {};
}

base::Task<Result<Value>> AgentApp::control_frost_sign(Value params) {
  CO_TRY(const std::string hex, base::json::get_string(params, "hash"));
  CO_TRY(const nostr::Sha256 hash, nostr::Sha256::from_hex(hex));
  CO_TRY(frostr::HashOutcome outcome, co_await signer_->sign_hash(hash));
  if (const auto* signature = std::get_if<nostr::Signature>(&outcome))
    co_return Value{{"signature", signature->hex()}};
  if (const auto* refused = std::get_if<frostr::Refused>(&outcome))
    co_return fail(Errc::kDenied, "refused: " + refused->reason);
  if (const auto* away = std::get_if<frostr::Unavailable>(&outcome))
    co_return fail(Errc::kUnavailable, away->why);
  co_return fail(Errc::kApprovalRequired, "the operator has to approve what is signed",
                 "sign the event itself, not its hash");
}

base::Task<Result<Value>> AgentApp::control_frost_ecdh(Value params) {
  CO_TRY(const std::string text, base::json::get_string(params, "peer"));
  CO_TRY(const nostr::PublicKey peer, nostr::parse_public_key(text));
  CO_TRY(const nostr::SharedX shared, co_await signer_->ecdh(peer, {}));
  co_return Value{{"shared_x", base::hex_encode(shared.expose())}};
}

/// Under the group's key, so the co-signers judge it and, where their policy says so, the operator
/// decides.
base::Task<Result<Value>> AgentApp::control_delegation(std::string method, Value params) {
  const UnixTime now = runtime_.clock.now();
  nostr::Draft draft;
  if (method == "delegation-give") {
    CO_TRY(nipsa::Delegation wanted, delegation_from(params, runtime_.rng));
    wanted.relay = options_.relays.front();
    CO_TRY(draft, co_await delegation_draft(runtime_.pool, options_.relays, identity(),
                                            std::move(wanted), now));
  } else if (method == "delegation-revoke") {
    CO_TRY(const nostr::EventId id, nostr::EventId::from_hex(base::json::string_or(params, "id")));
    CO_TRY(draft, co_await revocation_draft(runtime_.pool, options_.relays, identity(), id,
                                            base::json::string_or(params, "reason"), now));
  } else {
    co_return fail(Errc::kUnsupported, "there is no method " + method);
  }
  Utterance utterance{.key = {"delegation", runtime_.rng.hex(16)},
                      .action_class = "delegate",
                      .draft = std::move(draft)};
  CO_TRY(const orchestration::ActionResult said, co_await voice_->say(std::move(utterance)));
  if (said.status != orchestration::ActionStatus::kPublished)
    co_return fail(Errc::kDenied,
                   fmt::format("{}: {}", orchestration::action_status_name(said.status), said.text),
                   "[kinds.39260] verdict = \"ask\" in the co-signers' policies lets them ask you");
  co_return Value{{"id", said.event_id->hex()}};
}

Result<Value> AgentApp::new_errand(const Value& params) {
  TRY(const std::string text, base::json::get_string(params, "text"));
  if (text.empty() || text.size() > kMaxErrandBytes)
    return fail(Errc::kInvalid, fmt::format("a task is text of 1 to {} bytes", kMaxErrandBytes));
  if (const auto paused = PauseSwitch(home_).reason())
    return fail(Errc::kDenied, "the agent is paused: " + *paused, "sovereign resume");
  TRY(const auto open, ticks_.list_unfinished());
  if (open.size() >= kMaxOpenTicks)
    return fail(Errc::kLimit, fmt::format("{} ticks are open", open.size()), "sovereign status");
  TRY(const std::string slot, runner_->plan_errand(text, base::json::string_or(params, "agent")));
  return stored_tasks(*db_, {{"id", slot}});
}

/// What was done for an errand since it was last asked about, and how it stands.
base::Task<Result<Value>> AgentApp::errand_steps(Value params) {
  CO_TRY(const std::string id, base::json::get_string(params, "id"));
  CO_TRY(Value task, stored_tasks(*db_, {{"id", id}}));
  const auto from =
      static_cast<std::size_t>(std::max<std::int64_t>(0, base::json::int_or(params, "from")));
  const bool over = !task.at("ended_at").is_null();
  Value out =
      co_await errand_watch_.steps(id, from, over ? std::chrono::milliseconds{0} : kStepPatience);
  CO_TRY(out["task"], stored_tasks(*db_, {{"id", id}}));
  co_return out;
}

base::Task<Result<Value>> AgentApp::control_task(std::string method, Value params) {
  if (method == "task-new") co_return new_errand(params);
  if (method == "task-steps") co_return co_await errand_steps(std::move(params));
  if (method != "task-cancel") co_return stored_tasks(*db_, params);
  CO_TRY(const std::string id, base::json::get_string(params, "id"));
  if (nipsa::is_manual_slot(id)) {
    CO_TRY(runner_->call_off(id));
    co_return stored_tasks(*db_, params);
  }
  CO_TRY(const storage::TaskRow row, runner_->tasks().cancel("", id));
  co_return task_view(row, true);
}

base::Task<Result<Value>> AgentApp::control(std::string method, Value params) {
  if (method == "status") co_return status();
  if (method == "agents-reload") {
    CO_TRY(reload_agents());
    co_return agents_view(config_, minds_.router());
  }
  if (method.starts_with("state-")) {
    StateBook book(*db_);
    co_return answer_state(book, method);
  }
  if (method == "pending") co_return pending_view(approvals_, runtime_.clock.now());
  if (method == "backends") co_return minds_.view(config_, budgets_, runtime_.clock.now());
  if (method == "outbox") co_return answer_outbox(outbox_, params);
  if (method.starts_with("task-"))
    co_return co_await control_task(std::move(method), std::move(params));
  if (method == "metrics") {
    CO_TRY(std::string text, metrics());
    co_return Value{{"text", std::move(text)}};
  }
  if (method == "record") co_return answer_record(*db_, step_reader(), params);
  if (method.starts_with("grant-")) {
    storage::Grants grants(*db_);
    co_return answer_grants(grants, method, params, runtime_.clock.now());
  }
  if (method.starts_with("issue-")) {
    storage::Issues issues(*db_);
    co_return answer_issues(issues, method, params, runtime_.clock.now(), runtime_.rng);
  }
  if (method == "approve" || method == "deny") {
    CO_TRY(const std::string code, base::json::get_string(params, "code"));
    CO_TRY(const storage::Question question, desk_->answer_here(code, method == "approve"));
    co_return question_view(question);
  }
  if (method.starts_with("approval-"))
    co_return answer_approvals(*db_, node_.key(), method, params);
  if (method == "wallet") co_return co_await treasury_.wallet(std::move(params));
  if (method == "budget") co_return treasury_.budget(params);
  if (method == "proof") {
    CO_TRY(const std::string hex, base::json::get_string(params, "id"));
    CO_TRY(const nostr::EventId id, nostr::EventId::from_hex(hex));
    CO_TRY(const nostr::EventId response, co_await prover_->answer(id));
    co_return Value{{"response", response.hex()}, {"challenge", id.hex()}};
  }
  if (method.starts_with("delegation-"))
    co_return co_await control_delegation(std::move(method), std::move(params));
  if (method == "skill") co_return co_await shelf_->answer(std::move(params));
  if (method == "purchase") co_return co_await buyer_->answer(std::move(params));
  if (method == "frost-sign") co_return co_await control_frost_sign(std::move(params));
  if (method == "frost-ecdh") co_return co_await control_frost_ecdh(std::move(params));
  co_return fail(Errc::kUnsupported, fmt::format("a node has no method \"{}\"", method));
}

}  // namespace node
