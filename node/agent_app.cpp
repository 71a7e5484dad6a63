// Wiring of the node, in floor order, and its housekeeping.
#include "node/agent_app.h"

#include "nipsa/tick.h"
#include "node/agent_config.h"
#include "node/agents_view.h"
#include "node/directive_place.h"
#include "node/group_side.h"
#include "node/key_file.h"
#include "node/remote_pairing.h"
#include "nostr/base/log.h"
#include "orchestration/hooks/notice_hook.h"
#include "storage/schema.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::UnixTime;
using base::json::Value;
using orchestration::TriggerKind;
using storage::InboxRow;

constexpr std::chrono::seconds kWatchAgents{2};
constexpr std::chrono::seconds kWatchRelays{15};
constexpr std::size_t kMaxStrangersAnHour = 1'200;  // triggers that are looked at, rows they cause
constexpr std::chrono::seconds kClosedMemory{8 * 86'400};  // longer than wraps are dated back
constexpr std::chrono::seconds kHousePeriod{3'600};
constexpr std::chrono::seconds kErrandMemory{7 * 86'400};
constexpr std::chrono::seconds kJobMemory{90 * 86'400};
constexpr std::int64_t kKeptErrands = 1'000;

}  // namespace

AgentApp::AgentApp(Runtime& runtime, const Home& home, Config config,
                   std::unique_ptr<storage::Db> db, nostr::SecretKey key, VoiceOptions options)
    : runtime_(runtime),
      home_(home),
      config_(std::move(config)),
      agent_source_(home_),
      db_(std::move(db)),
      inbox_(*db_),
      events_(*db_),
      cursors_(*db_),
      health_(*db_),
      approvals_(*db_),
      ticks_(*db_),
      budgets_(*db_),
      outbox_(*db_),
      node_(std::move(key), runtime.clock, runtime.rng),
      options_(std::move(options)),
      http_(runtime.loop),
      publisher_(runtime.loop, runtime.pool, *db_, runtime.clock,
                 {.keep_for = config_.node.outbox_keep}),
      directory_(runtime.pool, runtime.clock, options_.relays, config_.node.inbox_relays, &health_),
      treasury_({runtime, *db_, home_, config_,
                 [this](const std::string& text) { tell_operators(text); }}),
      errand_watch_(runtime.loop),
      strangers_(kMaxStrangersAnHour),
      stranger_ticks_(config_.agent.max_stranger_ticks_per_hour),
      scope_(runtime.loop) {}

AgentApp::~AgentApp() = default;

Result<std::unique_ptr<AgentApp>> AgentApp::create(Runtime& runtime, const Home& home,
                                                   Config config) {
  if (config.identity.group.empty() || config.identity.share.empty())
    return fail(Errc::kInvalid, "this home has no identity",
                "sovereign init --group FILE --share FILE");
  TRY(home.ensure());
  TRY(VoiceOptions options, voice_options(config));
  TRY(ThresholdIdentity identity,
      load_identity(config.identity.group, config.identity.share, config.identity.passphrase_file));
  TRY(nostr::SecretKey key, load_node_key(home, config));
  TRY(std::unique_ptr<storage::Db> db, storage::open_database(home.database().string()));
  std::unique_ptr<AgentApp> app(new AgentApp(runtime, home, std::move(config), std::move(db),
                                             std::move(key), std::move(options)));
  TRY(app->build(std::move(identity)));
  return app;
}

Result<void> AgentApp::build(ThresholdIdentity identity) {
  base::Loop& loop = runtime_.loop;
  jobs_ = std::make_unique<orchestration::JobCustomer>(
      runtime_.pool, node_.key(), runtime_.clock, runtime_.rng, [this] {
        const auto cashier = treasury_.cashier();
        return cashier ? *cashier : nullptr;
      });
  TRY(minds_, Minds::build({.loop = loop,
                            .http = http_,
                            .clock = runtime_.clock,
                            .rng = runtime_.rng,
                            .folder = home_.database().parent_path(),
                            .jobs = jobs_.get(),
                            .relays = options_.relays,
                            .spender = config_.agent.name},
                           config_));
  TRY(const frostr::BifrostOptions::Lease lease, next_lease(*db_, node_.key(), runtime_.rng));
  frostr::BifrostOptions bifrost{
      .relays = options_.relays, .cosigner = {.judges = false}, .lease = lease};
  TRY(bifrost_, frostr::BifrostNode::create(
                    {loop, runtime_.pool, *db_, runtime_.clock, runtime_.rng},
                    std::move(identity.group), std::move(identity.share), std::move(bifrost)));
  signer_ = std::make_unique<frostr::ThresholdSigner>(*bifrost_, threshold_options(config_));
  voice_ = std::make_unique<GroupVoice>(runtime_.pool, *db_, runtime_.clock, runtime_.rng, *signer_,
                                        node_, publisher_, directory_, options_, loop);
  desk_ = std::make_unique<orchestration::Desk>(
      loop, runtime_.pool, node_, *db_, runtime_.clock, runtime_.rng,
      orchestration::DeskOptions{
          .role = "node",
          .agent_name = config_.agent.name,
          .operators = options_.operators,
          .quorum = config_.approvals.quorum,
          .relays = options_.relays,
          .inbox_relays =
              config_.node.inbox_relays.empty() ? options_.relays : config_.node.inbox_relays,
          .hold = config_.approvals.hold,
          .reaction_max_sats = config_.approvals.reaction_max,
          .public_mentions = config_.approvals.public_mentions,
          .carry_out =
              [this](const orchestration::Order& order, const nostr::PublicKey& by) {
                return carry_out(order_place(), order, by, runtime_.clock.now());
              }},
      [this](const storage::Question&) { outside_->question_changed(); },
      [this] { publisher_.wake(); });
  TRY(auto signer_apps, signer_apps_of(home_, config_.approvals.signers, runtime_.rng));
  desk_->use_signer_apps(std::move(signer_apps));
  TRY(delegators_, keys_of(config_.agent.delegators, "agent.delegators"));
  TRY(auto askers, keys_of(config_.agent.proves_to, "agent.proves_to"));
  prover_ = std::make_unique<Prover>(Prover::Deps{loop, runtime_.pool, runtime_.clock, *voice_},
                                     options_.relays, signer_->public_key(), std::move(askers));
  goals_ = std::make_unique<PublicGoals>(
      PublicGoals::Deps{runtime_.pool, *db_, runtime_.clock, *voice_},
      directive_folder(home_, config_.tools), options_.relays, signer_->public_key());
  outside_ = std::make_unique<NodeOutside>(
      NodeOutside::Deps{loop, runtime_.pool, *db_, runtime_.clock, runtime_.rng, node_, *voice_,
                        *desk_, publisher_, directory_, treasury_},
      signer_->public_key(), options_);
  TRY(SkillRules rules, skill_rules(config_));
  shelf_ = std::make_unique<SkillShelf>(
      SkillShelf::Deps{runtime_, *db_, node_, *signer_, publisher_, options_.relays, http_},
      std::move(rules));
  TRY(orchestration::AutonomyRules purchases, purchase_rules(config_));
  buyer_ = std::make_unique<SkillBuyer>(
      SkillBuyer::Deps{runtime_, *db_, node_, signer_->public_key(), publisher_, options_.relays,
                       treasury_, *outside_, *shelf_, home_},
      std::move(purchases));
  outside_->buy_through(
      [this](orchestration::ActionRequest request) { return buyer_->act(std::move(request)); });
  runner_ = std::make_unique<TickRunner>(
      TickRunner::Deps{loop, runtime_.workers, runtime_.pool, *db_, runtime_.clock, runtime_.rng,
                       node_, *signer_, *voice_, *outside_, publisher_, minds_.router(), http_,
                       home_, *shelf_, *buyer_},
      config_, options_);
  const auto tell = [this](const std::string& text) { tell_operators(text); };
  if (config_.agent.notices) runner_->watch(orchestration::notice_hook(runtime_.clock, tell));
  runner_->tell_limits(tell);
  runner_->watch(errand_watch_.hook());
  job_shop_ = std::make_unique<JobShop>(JobShop::Deps{runtime_, *db_, node_, treasury_, *runner_},
                                    config_.jobs, options_.relays);
  return {};
}

void AgentApp::tell_operators(const std::string& text) {
  if (!config_.agent.notices || !desk_) return;
  if (auto told = desk_->tell(text); !told)
    LOG(kError, "node", "operators are not told", {{"what", text}, {"why", told.error().detail}});
}

base::Task<Result<void>> AgentApp::start(std::function<void(const TickOutcome&)> tick_ended) {
  CO_TRY(co_await connect(WokenBy::kAnybody));
  runner_->start([this, tick_ended = std::move(tick_ended)](const TickOutcome& outcome) {
    errand_watch_.ended();
    job_shop_->tick_ended();
    tick_ended(outcome);
  });
  job_shop_->start();
  CO_TRY(buyer_->start());
  CO_TRY(const auto open, inbox_.list_open());
  for (const InboxRow& row : open) handle(row);
  if (config_.agent.heartbeat.count() > 0) scope_.spawn("heartbeat", beat());
  co_return Result<void>{};
}

base::Task<Result<std::string>> AgentApp::start_errand(
    std::string text, orchestration::Hook watcher,
    std::function<void(const TickOutcome&)> tick_ended) {
  runner_->watch(std::move(watcher));
  CO_TRY(co_await connect(WokenBy::kErrand));
  runner_->start(std::move(tick_ended));
  co_return runner_->plan_errand(text);
}

/// Everything but the agent's work, which has not begun when this returns.
base::Task<Result<void>> AgentApp::connect(WokenBy whom) {
  runtime_.pool.set_auth("", &node_);
  // Relays that others name in their lists must not lead into this machine's network.
  std::vector<std::string> ours = options_.relays;
  ours.insert(ours.end(), config_.node.inbox_relays.begin(), config_.node.inbox_relays.end());
  runtime_.pool.restrict_private(std::move(ours));
  CO_TRY(control_, ControlServer::listen(runtime_.loop, home_.control_socket(),
                                         [this](std::string method, Value params) {
                                           return control(std::move(method), std::move(params));
                                         }));
  publisher_.sign_for(node_);
  publisher_.start();
  voice_->start();
  desk_->start();
  treasury_.start();
  shelf_->start();
  prover_->start();
  announce_node();
  if (whom == WokenBy::kAnybody) {
    co_await recall_answers();
    listen();
  }
  // Last, because it waits for a relay: everything else is subscribed by then.
  auto connected = co_await bifrost_->start();
  if (!connected)
    LOG(kWarn, "node", "no relay yet; trying on", {{"detail", connected.error().detail}});
  CO_TRY(start_dashboard());
  scope_.spawn("relay health", watch_relays());
  scope_.spawn("agents watch", watch_agents());
  scope_.spawn("announce agent", announce_agent());
  if (config_.integrations.directives) scope_.spawn("public goals", goals_->keep());
  scope_.spawn("house", keep_house());
  co_return Result<void>{};
}

base::Task<void> AgentApp::stop() {
  triggers_.reset();
  if (dashboard_) co_await dashboard_->stop();
  if (control_) co_await control_->stop();
  co_await scope_.stop();
  co_await job_shop_->stop();
  co_await runner_->stop();
  co_await buyer_->stop();
  co_await jobs_->stop();
  shelf_->stop();
  co_await prover_->stop();
  voice_->stop();
  co_await desk_->stop();
  co_await treasury_.stop();
  co_await bifrost_->stop();
  co_await publisher_.stop();
  co_await runtime_.pool.stop();
}

/// Closed rows are kept as long as a copy of their event could still arrive.
base::Task<void> AgentApp::keep_house() {
  for (;;) {
    if (auto purged = inbox_.purge_closed(runtime_.clock.now() - kClosedMemory); !purged)
      LOG(kError, "node", "cannot purge the inbox", {{"detail", purged.error().detail}});
    if (auto pruned =
            storage::Errands(*db_).prune(runtime_.clock.now() - kErrandMemory, kKeptErrands);
        !pruned)
      LOG(kError, "node", "cannot forget old errands", {{"detail", pruned.error().detail}});
    if (auto pruned = storage::Jobs(*db_).prune(runtime_.clock.now() - kJobMemory); !pruned)
      LOG(kError, "node", "cannot forget old jobs", {{"detail", pruned.error().detail}});
    co_await base::sleep_for(kHousePeriod);
  }
}

/// A link lives half a minute after its last use, so this misses none.
base::Task<void> AgentApp::watch_relays() {
  for (;;) {
    directory_.observe();
    timeline_.sample(runtime_.pool.status(), runtime_.clock.now());
    co_await base::sleep_for(kWatchRelays);
  }
}

base::Task<void> AgentApp::watch_agents() {
  for (;;) {
    co_await base::sleep_for(kWatchAgents);
    if (!agent_source_.has_changed()) continue;
    if (auto taken = reload_agents(); !taken)
      LOG(kError, "agents", "not taken; those of before stay in force",
          {{"detail", taken.error().detail}, {"hint", taken.error().hint}});
  }
}

/// Takes the agents as they are written now. Every other key of config.toml waits for the next
/// start.
Result<void> AgentApp::reload_agents() {
  auto written = agent_source_.load(config_);
  if (!written) {
    agents_error_ = written.error().detail;
    return std::unexpected(std::move(written).error());
  }
  agents_error_.clear();
  config_.agents = *std::move(written);
  runner_->reload_agents();
  LOG(kInfo, "agents", "taken as written", {{"sections", std::to_string(config_.agents.size())}});
  return {};
}

base::Task<void> AgentApp::beat() {
  for (;;) {
    const UnixTime now = runtime_.clock.now();
    auto planned = runner_->plan(nipsa::slot_of_heartbeat(now, config_.agent.heartbeat),
                                 TriggerKind::kHeartbeat, std::nullopt);
    if (planned && *planned) runner_->wake();
    const auto beat = config_.agent.heartbeat;
    const auto into = std::chrono::seconds{base::to_unix(now) % beat.count()};
    co_await base::sleep_for(beat - into);
  }
}

}  // namespace node
