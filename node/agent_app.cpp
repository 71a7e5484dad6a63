// Wiring of the node, in floor order.
#include "node/agent_app.h"

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "nipsa/profile.h"
#include "nipsa/schedule.h"
#include "nipsa/tick.h"
#include "node/agent_config.h"
#include "node/agents_view.h"
#include "node/answered.h"
#include "node/approvals_view.h"
#include "node/dashboard/meters.h"
#include "node/dashboard/views.h"
#include "node/delegations.h"
#include "node/desk_views.h"
#include "node/directive_place.h"
#include "node/grants_view.h"
#include "node/group_side.h"
#include "node/issues_view.h"
#include "node/key_file.h"
#include "node/outbox_view.h"
#include "node/pause.h"
#include "node/remote_pairing.h"
#include "node/tasks_view.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip59.h"
#include "nostr/nips/nip65.h"
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
using storage::Durability;
using storage::InboxRow;
using storage::Tx;

constexpr std::string_view kMentionHandler = "mention";
constexpr std::string_view kDmHandler = "dm";
constexpr std::string_view kDelegationHandler = "delegation";
constexpr std::chrono::seconds kWatchAgents{2};
constexpr std::chrono::seconds kTriggerAge{3'600};  // older ones are history, not a call
constexpr std::string_view kRumorHandler = "dm-rumor";
constexpr std::chrono::seconds kAnnouncePatience{3'600};
constexpr std::chrono::seconds kAnnounceRetry{3};
constexpr std::chrono::milliseconds kMeetPause{100};
constexpr int kMeetLooks = 50;  // for co-signers that are to be named in the profile
constexpr std::chrono::seconds kFetchPatience{8};
constexpr std::chrono::seconds kWatchRelays{15};
constexpr std::size_t kMaxOpenTicks = 100;
constexpr std::chrono::seconds kQueueFullPause{60};  // between two complaints about that
constexpr std::size_t kMaxStrangersAnHour = 1'200;   // triggers that are looked at, rows they cause
constexpr std::chrono::seconds kClosedMemory{8 * 86'400};  // longer than wraps are dated back
constexpr std::chrono::seconds kHousePeriod{3'600};
constexpr int kSpendDays = 30;
constexpr std::size_t kShownSessions = 20;
constexpr std::size_t kShownEntries = 60;
constexpr std::size_t kMaxErrandBytes = 65'536;
constexpr std::chrono::seconds kErrandMemory{7 * 86'400};
constexpr std::int64_t kKeptErrands = 1'000;
constexpr std::chrono::milliseconds kStepPatience{1'000};  // of one request for steps

/// What a gift wrap says of its time means nothing; the message inside is looked at when it is
/// open. A delegation says itself how long it stands.
bool is_history(const nostr::Event& event, UnixTime now) {
  return event.kind != nipsa::kinds::kDelegation && event.kind != nostr::kinds::kGiftWrap &&
         event.created_at + kTriggerAge < now;
}

bool wants(const Config& config, std::string_view trigger) {
  return std::find(config.agent.triggers.begin(), config.agent.triggers.end(), trigger) !=
         config.agent.triggers.end();
}

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
      treasury_({runtime, *db_, home_, config_, [this](const std::string& text) { tell_operators(text); }}),
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
  TRY(minds_, Minds::build({loop, http_, runtime_.clock, runtime_.rng, home_.database().parent_path()}, config_));
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
      orchestration::DeskOptions{.role = "node",
                                 .agent_name = config_.agent.name,
                                 .operators = options_.operators,
                                 .quorum = config_.approvals.quorum,
                                 .relays = options_.relays,
                                 .inbox_relays = config_.node.inbox_relays.empty()
                                                     ? options_.relays
                                                     : config_.node.inbox_relays,
                                 .hold = config_.approvals.hold,
                                 .reaction_max_sats = config_.approvals.reaction_max,
                                 .public_mentions = config_.approvals.public_mentions,
                                 .carry_out = [this](const orchestration::Order& order,
                                                     const nostr::PublicKey& by) {
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
  outside_->buy_through([this](orchestration::ActionRequest request) { return buyer_->act(std::move(request)); });
  runner_ = std::make_unique<TickRunner>(
      TickRunner::Deps{loop, runtime_.workers, runtime_.pool, *db_, runtime_.clock, runtime_.rng,
                       node_, *signer_, *voice_, *outside_, publisher_, minds_.router(), http_, home_,
                       *shelf_, *buyer_},
      config_, options_);
  const auto tell = [this](const std::string& text) { tell_operators(text); };
  if (config_.agent.notices) runner_->watch(orchestration::notice_hook(runtime_.clock, tell));
  runner_->tell_limits(tell);
  runner_->watch(errand_watch_.hook());
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
    tick_ended(outcome);
  });
  CO_TRY(buyer_->start());
  CO_TRY(const auto open, inbox_.list_open());
  for (const InboxRow& row : open) handle(row);
  if (config_.agent.heartbeat.count() > 0) scope_.spawn("heartbeat", beat());
  co_return Result<void>{};
}

base::Task<Result<std::string>> AgentApp::start_errand(std::string text, orchestration::Hook watcher,
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
  co_await runner_->stop();
  co_await buyer_->stop();
  shelf_->stop();
  co_await prover_->stop();
  voice_->stop();
  co_await desk_->stop();
  co_await treasury_.stop();
  co_await bifrost_->stop();
  co_await publisher_.stop();
  co_await runtime_.pool.stop();
}

// ---- who we are
// ------------------------------------------------------------------------------------

/// The node writes to people: it needs a name and an inbox. Cheap, so it is said at every start.
void AgentApp::announce_node() {
  const UnixTime now = runtime_.clock.now();
  const Value profile = {{"name", config_.agent.name + " (node)"},
                         {"about", "runs the agent " + nostr::encode_npub(identity())},
                         {"bot", true}};
  const std::vector<std::string>& inbox =
      config_.node.inbox_relays.empty() ? options_.relays : config_.node.inbox_relays;
  std::vector<nostr::Draft> drafts;
  drafts.push_back({nostr::kinds::kMetadata, now, {}, base::json::dump(profile)});
  drafts.push_back(
      nostr::build_relay_list({.read = options_.relays, .write = options_.relays}, now));
  drafts.push_back(nostr::build_dm_relays(inbox, now));
  for (nostr::Draft& draft : drafts) {
    if (auto posted = publisher_.post_draft(node_key(), std::move(draft), options_.relays,
                                            "announcement", kAnnouncePatience);
        !posted)
      LOG(kError, "node", "cannot queue an announcement", {{"detail", posted.error().detail}});
  }
}

std::vector<nostr::Draft> AgentApp::agent_announcements() const {
  const UnixTime unstamped{};
  const Value metadata = {
      {"name", config_.agent.name}, {"about", config_.agent.about}, {"bot", true}};
  std::vector<nostr::Draft> drafts;
  drafts.push_back({nostr::kinds::kMetadata, unstamped, {}, base::json::dump(metadata)});
  drafts.push_back(
      nostr::build_relay_list({.read = options_.relays, .write = options_.relays}, unstamped));

  nipsa::Profile profile{.name = config_.agent.name,
                         .about = config_.agent.about,
                         .capabilities = {"reply"},
                         .version = SOVEREIGN_VERSION};
  profile.autonomy = nipsa::read_autonomy(config_.agent.level);
  profile.threshold = bifrost_->group().threshold();
  profile.members = static_cast<std::uint32_t>(bifrost_->group().members().size());
  for (const frostr::Readiness::Member& member : signer_->readiness().members)
    if (member.service)
      profile.signers.push_back(
          {.key = *member.service, .role = member.idx.value == 2 ? "marketplace" : "guardian"});
  if (!options_.operators.empty()) profile.operator_key = options_.operators.front();
  profile.guardians = options_.operators;
  profile.runners = {node_.public_key()};
  if (auto draft = nipsa::build_profile(profile, unstamped))
    drafts.push_back(*std::move(draft));
  else
    LOG(kError, "node", "cannot write the agent's profile", {{"detail", draft.error().detail}});

  nipsa::Schedule schedule{.heartbeat = config_.agent.heartbeat.count() > 0
                                            ? std::optional(config_.agent.heartbeat)
                                            : std::nullopt};
  if (wants(config_, "mention"))
    schedule.triggers.push_back({.type = nipsa::Trigger::Type::kMention});
  if (wants(config_, "dm")) schedule.triggers.push_back({.type = nipsa::Trigger::Type::kDm});
  if (auto draft = nipsa::build_schedule(schedule, unstamped))
    drafts.push_back(*std::move(draft));
  else
    LOG(kError, "node", "cannot write the agent's schedule", {{"detail", draft.error().detail}});
  return drafts;
}

/// Until every co-signer has said which key asks in its name, or those that are away have been waited for.
base::Task<void> AgentApp::meet_cosigners() {
  for (int look = 0; look < kMeetLooks; ++look) {
    const auto members = signer_->readiness().members;
    if (std::ranges::all_of(members, &frostr::Readiness::Member::online)) co_return;
    co_await base::sleep_for(kMeetPause);
  }
}

/// Publishes what nobody has published under the group's key yet. Later changes need the operator.
base::Task<Result<void>> AgentApp::announce_missing() {
  nostr::Filters filters{{.authors = {identity()},
                          .kinds = {nostr::kinds::kMetadata, nostr::kinds::kRelayList,
                                    nipsa::kinds::kProfile, nipsa::kinds::kSchedule}}};
  const nostr::FetchResult found =
      co_await runtime_.pool.fetch(options_.relays, std::move(filters), kFetchPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  for (const nostr::EventPtr& event : found.events)
    CO_TRY(events_.insert(*event, runtime_.clock.now()));
  // Whose decisions count is what others learn from the profile, so it has to name them.
  CO_TRY(const auto profile, events_.head({nipsa::kinds::kProfile, identity(), "profile"}));
  if (!profile) co_await meet_cosigners();
  for (nostr::Draft& draft : agent_announcements()) {
    const nostr::Event shape{.pubkey = identity(), .kind = draft.kind, .tags = draft.tags};
    const auto address = nostr::address_of(shape);
    CO_TRY(const auto standing, events_.head(*address));
    if (standing) continue;
    Utterance utterance{.key = {"setup", address->str()},
                        .action_class = "announcement",
                        .draft = std::move(draft),
                        .reason = "introduces the agent"};
    CO_TRY(const orchestration::ActionResult said, co_await voice_->say(std::move(utterance)));
    if (said.status != orchestration::ActionStatus::kPublished)
      LOG(kWarn, "node", "not announced",
          {{"kind", std::to_string(address->kind)}, {"why", said.text}});
  }
  co_return Result<void>{};
}

base::Task<void> AgentApp::announce_agent() {
  for (;;) {
    auto done = co_await announce_missing();
    if (done) co_return;
    LOG(kDebug, "node", "announcement waits", {{"detail", done.error().detail}});
    co_await base::sleep_for(kAnnounceRetry);
  }
}

// ---- what wakes it
// ---------------------------------------------------------------------------------

/// A home that has no ticks yet may be the second one of its node. The calls of the last hour come to it as
/// well, and those that were answered are not answered again.
base::Task<void> AgentApp::recall_answers() {
  const auto ticks = ticks_.history(1);
  if (!ticks || !ticks->empty()) co_return;
  auto answered = co_await answered_since(runtime_.pool, options_.relays, node_key(),
                                          runtime_.clock.now() - kTriggerAge);
  if (answered) answered_ = std::move(*answered);
  else
    LOG(kWarn, "node", "cannot ask what was answered before", {{"why", answered.error().detail}});
}

void AgentApp::listen() {
  const UnixTime now = runtime_.clock.now();
  nostr::Filters filters;
  if (wants(config_, "mention"))
    filters.push_back({.kinds = {nostr::kinds::kTextNote, nostr::kinds::kComment},
                       .tags = {{'p', {identity().hex()}}},
                       .since = now - kTriggerAge});
  if (wants(config_, "dm"))
    filters.push_back({.kinds = {nostr::kinds::kGiftWrap},
                       .tags = {{'p', {node_key().hex()}}},
                       .since = now - nostr::kWrapOverlap});
  if (!delegators_.empty()) {
    filters.push_back({.authors = delegators_,
                       .kinds = {nipsa::kinds::kDelegation},
                       .tags = {{'p', {identity().hex()}}},
                       .since = now - nipsa::kDelegationTtlMax});
    filters.push_back({.authors = delegators_,
                       .kinds = {nostr::kinds::kDeletion},
                       .since = now - nipsa::kDelegationTtlMax});
  }
  if (filters.empty()) return;
  // Messages arrive where our kind 10050 says, mentions where the agent reads.
  std::vector<std::string> relays = options_.relays;
  for (const std::string& relay : config_.node.inbox_relays)
    if (std::find(relays.begin(), relays.end(), relay) == relays.end()) relays.push_back(relay);
  triggers_ = std::make_unique<nostr::Feed>(
      runtime_.pool, runtime_.clock, relays, std::move(filters),
      nostr::FeedCallbacks{.on_events = [this](std::span<const nostr::Delivery> batch) {
        return on_triggers(batch);
      }},
      nostr::FeedOptions{.cursors = &cursors_});
}

/// One commit for the batch, so that a backlog costs as many flushes of the disk as it has batches.
Result<std::vector<InboxRow>> AgentApp::ingest(std::span<const nostr::Delivery> batch) {
  std::vector<InboxRow> opened;
  const UnixTime now = runtime_.clock.now();
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  for (const nostr::Delivery& delivery : batch) {
    const nostr::Event& event = *delivery.event;
    if (event.pubkey == identity() || event.pubkey == node_key()) continue;
    if (event.kind ==
        nostr::kinds::kDeletion) {  // by a delegator: it ends what it names, also under way
      TRY(events_.insert(event, now));
      continue;
    }
    if (is_history(event, now)) continue;  // a cursor may be months old
    if (event.kind == nipsa::kinds::kDelegation && !is_delegation(event)) continue;
    const std::vector<std::string> handlers{
        std::string(event.kind == nostr::kinds::kGiftWrap     ? kDmHandler
                    : event.kind == nipsa::kinds::kDelegation ? kDelegationHandler
                                                              : kMentionHandler)};
    // A restart brings back days of wraps: those that were here cost nobody's share.
    TRY(const bool known, inbox_.knows(event.id, handlers.front()));
    if (known) continue;
    // Strangers can write as much as they like; what they cause to be written here ends somewhere.
    if (!is_by_operator(event) && !is_delegation(event) && !strangers_.take(now)) {
      if (strangers_.should_tell())
        LOG(kWarn, "node", "too many triggers of strangers this hour; the rest is not looked at", {});
      continue;
    }
    TRY(const auto ingested, inbox_.ingest(events_, event, handlers, delivery.relay, now));
    if (!ingested.opened.empty())
      opened.push_back({.event = event,
                        .handler = handlers.front(),
                        .relay = delivery.relay,
                        .received = now});
  }
  TRY(tx.commit());
  return opened;
}

/// Whether the batch is safe; only then may the cursor of its relay pass it.
bool AgentApp::on_triggers(std::span<const nostr::Delivery> batch) {
  auto opened = ingest(batch);
  if (!opened) {
    LOG(kError, "node", "cannot keep triggers", {{"detail", opened.error().detail}});
    return false;
  }
  FAILPOINT("trigger-ingested");
  for (const InboxRow& row : *opened) handle(row);
  return true;
}

void AgentApp::handle(const InboxRow& row) {
  if (auto planned = plan_tick(row); !planned)
    LOG(kError, "node", "cannot plan a tick",
        {{"event", row.event.id.hex()}, {"detail", planned.error().detail}});
}

/// Answers to questions belong to the desk, and what sellers write to the buyer: they wake nobody.
Result<bool> AgentApp::is_for_the_desk(const nostr::Event& wrap) {
  TRY(const nostr::Rumor rumor, nostr::unwrap(wrap, node_.key()));
  if (rumor.event.kind != nostr::kinds::kPrivateMessage) return true;
  if (rumor.event.pubkey == identity() || rumor.event.pubkey == node_key()) return true;
  if (rumor.event.created_at + kTriggerAge < runtime_.clock.now()) return true;
  if (buyer_->expects(rumor.event)) return true;
  TRY(const auto heard, orchestration::hear(wrap, node_.key()));
  if (!heard) return true;
  return desk_->expects(*heard);
}

/// Whether an operator wrote this note, or the message inside this wrap.
bool AgentApp::is_by_operator(const nostr::Event& event) const {
  nostr::PublicKey author = event.pubkey;
  if (event.kind == nostr::kinds::kGiftWrap) {
    const auto rumor = nostr::unwrap(event, node_.key());
    if (!rumor) return false;
    author = rumor->event.pubkey;
  }
  return std::find(options_.operators.begin(), options_.operators.end(), author) !=
         options_.operators.end();
}

/// Whether it is to this agent, by somebody the operator lets hand it work. What else it is worth
/// is seen when its tick begins.
bool AgentApp::is_delegation(const nostr::Event& event) const {
  if (event.kind != nipsa::kinds::kDelegation) return false;
  if (std::find(delegators_.begin(), delegators_.end(), event.pubkey) == delegators_.end())
    return false;
  const auto read = nipsa::parse_delegation(event);
  return read && read->delegate == identity() && runtime_.clock.now() < read->expires;
}

Result<void> AgentApp::plan_tick(const InboxRow& row) {
  const UnixTime now = runtime_.clock.now();
  const bool dm = row.handler == kDmHandler;
  const bool answered = answered_.contains(row.event.id);
  bool ignore = is_history(row.event, now) || answered;
  if (dm) {
    auto answer = is_for_the_desk(row.event);
    ignore = !answer || *answer;  // what cannot be opened is nobody's message
  }
  // What the store did not keep (expired, deleted) could never be read again: nothing to wake for.
  TRY(const bool kept, events_.has(row.event.id));
  ignore = ignore || !kept;
  TRY(const auto open, ticks_.list_unfinished());
  // Strangers can fill the queue; they cannot keep the operator out of it.
  if (open.size() >= kMaxOpenTicks && !ignore && !is_by_operator(row.event)) {
    if (now > queue_full_told_ + kQueueFullPause) {
      LOG(kWarn, "node", "too many open ticks; triggers of strangers are dropped",
          {{"open", std::to_string(open.size())}});
      queue_full_told_ = now;
    }
    ignore = true;
  }
  if (!ignore && !is_by_operator(row.event) && !is_delegation(row.event) &&
      !stranger_ticks_.take(now)) {
    if (stranger_ticks_.should_tell())
      LOG(kWarn, "node", "strangers have caused all the ticks of this hour; the rest is dropped", {});
    ignore = true;
  }
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  // Every relay and every device of the sender may bring the message in a wrap of its own.
  if (dm && (!ignore || answered)) {
    TRY(const nostr::Rumor rumor, nostr::unwrap(row.event, node_.key()));
    TRY(const bool first, inbox_.claim(rumor.id, kRumorHandler, now));
    ignore = ignore || !first;
  }
  if (!ignore)
    TRY(runner_->plan(nipsa::slot_of_event(row.event.id),
                      dm                                  ? TriggerKind::kDm
                      : row.handler == kDelegationHandler ? TriggerKind::kDelegation
                                                          : TriggerKind::kMention,
                      row.event.id));
  TRY(inbox_.close(row.event.id, row.handler, now));
  TRY(tx.commit());
  FAILPOINT("tick-planned");
  runner_->wake();
  return {};
}

/// Closed rows are kept as long as a copy of their event could still arrive.
base::Task<void> AgentApp::keep_house() {
  for (;;) {
    if (auto purged = inbox_.purge_closed(runtime_.clock.now() - kClosedMemory); !purged)
      LOG(kError, "node", "cannot purge the inbox", {{"detail", purged.error().detail}});
    if (auto pruned = storage::Errands(*db_).prune(runtime_.clock.now() - kErrandMemory, kKeptErrands); !pruned)
      LOG(kError, "node", "cannot forget old errands", {{"detail", pruned.error().detail}});
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

/// Takes the agents as they are written now. Every other key of config.toml waits for the next start.
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

// ---- what others may ask
// ---------------------------------------------------------------------------

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
          .reader = options_.operators.empty() ? std::nullopt : std::optional(options_.operators.front())};
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
      budgets_.totals({.key = "node", .limit = config_.budget.per_day, .window = storage::Window::kDay}, now));
  TRY(const Value running, tasks_view());
  Value out = {
      {"role", "node"},
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
  if (const auto offset = runtime_.pool.clock_offset()) out["clock_behind_seconds"] = offset->behind.count();
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

// ---- what is shown of it
// ------------------------------------------------------------------------------

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
  TRY(dashboard_, Dashboard::start(runtime_.loop, runtime_.net, address, std::move(token), std::move(source)));
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

// ---- tasks from the command line
// ----------------------------------------------------------------------

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
  const auto from = static_cast<std::size_t>(std::max<std::int64_t>(0, base::json::int_or(params, "from")));
  const bool over = !task.at("ended_at").is_null();
  Value out = co_await errand_watch_.steps(id, from, over ? std::chrono::milliseconds{0} : kStepPatience);
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
  if (method.starts_with("task-")) co_return co_await control_task(std::move(method), std::move(params));
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
  if (method.starts_with("approval-")) co_return answer_approvals(*db_, node_.key(), method, params);
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
