// Wiring of the co-signer: questions in, answers understood by the desk, signatures by frostr.
#include "node/cosigner_app.h"

#include <algorithm>

#include <fmt/format.h>

#include "frostr/policy_change.h"
#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "node/audit_anchor.h"
#include "node/key_file.h"
#include "node/orders.h"
#include "node/pause.h"
#include "node/remote_pairing.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip65.h"
#include "orchestration/approvals/render.h"
#include "storage/kv.h"
#include "storage/schema.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using storage::Durability;
using storage::Question;
using storage::QuestionState;
using storage::Tx;

constexpr std::string_view kQuestionHandler = "question";
constexpr std::chrono::seconds kQuestionAge{86'400};
constexpr std::chrono::seconds kAnnouncePatience{3'600};
constexpr std::size_t kFollowedQuestions =
    200;  // newest; whose outcome an operator still waits for
constexpr std::size_t kMaxQuestionsAnHour = 600;  // of all runners
constexpr std::size_t kMaxRefusalsAnHour = 120;
constexpr std::chrono::milliseconds kWatch{500};  // between two looks at the policy file
constexpr std::chrono::seconds kAnchorPatience{86'400};
constexpr std::string_view kPolicyKey = "policy-hash";

/// What an event moves when it is used, rounded up to satoshis.
std::int64_t sats_of(const nostr::UnsignedEvent& event) {
  if (!frostr::moves_money(event.kind)) return 0;
  return base::to_sat_ceil(frostr::amount_of(event).value_or(base::Msat{})).value;
}

/// Why a question is not asked, as its requester is told.
std::string refusal_word(const base::Error& error) {
  const bool unreachable = error.code == Errc::kUnavailable ||
                           error.detail.starts_with("too-many-questions");
  return (unreachable ? "undeliverable: " : "") + error.detail;
}

bool is_storage_trouble(const base::Error& error) {
  return error.code == Errc::kDatabase || error.code == Errc::kIo;
}

std::vector<nostr::PublicKey> runners_of(const frostr::Policy& policy) {
  std::vector<nostr::PublicKey> out;
  for (const frostr::Requester& requester : policy.requesters)
    if (requester.runner) out.push_back(*requester.runner);
  return out;
}

}  // namespace

CosignerApp::CosignerApp(Runtime& runtime, nostr::Pool& pool, const CosignerSettings& settings,
                         std::unique_ptr<storage::Db> db, ThresholdIdentity identity,
                         nostr::SecretKey service, PolicySource source, LoadedPolicy loaded)
    : runtime_(runtime),
      pool_(pool),
      home_(settings.home),
      db_(std::move(db)),
      approvals_(*db_),
      inbox_(*db_),
      events_(*db_),
      outbox_(*db_),
      cursors_(*db_),
      service_(std::move(service), runtime.clock, runtime.rng),
      book_(*db_, [this] { outcome_wanted_.notify(); }),
      publisher_(runtime.loop, pool, *db_, runtime.clock),
      relays_(settings.relays.empty() ? loaded.policy.follow_relays : settings.relays),
      policy_source_(std::move(source)),
      policy_hash_(loaded.hash),
      policy_since_(runtime.clock.now()),
      questions_taken_(kMaxQuestionsAnHour),
      refusals_told_(kMaxRefusalsAnHour),
      outcome_wanted_(runtime.loop),
      scope_(runtime.loop) {
  orchestration::DeskOptions desk{
      .role = "cosigner",
      .agent_name = "agent " + identity.group.identity().hex().substr(0, 8),
      .operators = loaded.policy.operators,
      .quorum = loaded.policy.quorum,
      .decisions_from = loaded.policy.decisions_from,
      .relays = relays_,
      .inbox_relays = relays_,
      .hold = loaded.policy.asking.hold,
      .reaction_max_sats = loaded.policy.asking.reaction_max,
      .public_mentions = loaded.policy.asking.public_mentions,
      .carry_out = [this](const orchestration::Order& order, const nostr::PublicKey& by) {
        return carry_out({.home = home_, .status = [this] { return status(); }}, order, by,
                         runtime_.clock.now());
      }};
  desk_ = std::make_unique<orchestration::Desk>(
      runtime.loop, pool, service_, *db_, runtime.clock, runtime.rng, std::move(desk),
      [this](const Question&) { outcome_wanted_.notify(); }, [this] { publisher_.wake(); });
}

CosignerApp::~CosignerApp() = default;

Result<std::unique_ptr<CosignerApp>> CosignerApp::create(Runtime& runtime, nostr::Pool& pool,
                                                         const CosignerSettings& settings) {
  TRY(settings.home.ensure());
  TRY(ThresholdIdentity identity,
      load_identity(settings.group_file, settings.share_file, settings.passphrase_file));
  PolicySource source(settings.policy_file.empty() ? settings.home.policy_file()
                                                   : std::filesystem::path(settings.policy_file));
  TRY(LoadedPolicy loaded, source.load());
  TRY(nostr::SecretKey service,
      load_or_create_key_file(settings.home.service_key_file(), runtime.rng));
  TRY(std::unique_ptr<storage::Db> db, storage::open_database(settings.home.database().string()));

  frostr::BifrostOptions options{
      .relays = settings.relays.empty() ? loaded.policy.follow_relays : settings.relays,
      .policy = loaded.policy,
      .cosigner = {.service = service.public_key(), .judges = true},
      .coordinates = false,
      .follow = true};
  if (options.relays.empty())
    return fail(Errc::kInvalid, "no relay to serve on",
                "--relay URL, or [relays] follow in policy.toml");
  frostr::GroupPackage group = identity.group;
  frostr::SecretShare share = identity.share.clone();
  const std::vector<std::string> signers = loaded.policy.asking.signers;
  std::unique_ptr<CosignerApp> app(new CosignerApp(runtime, pool, settings, std::move(db),
                                                   std::move(identity), std::move(service),
                                                   std::move(source), std::move(loaded)));
  TRY(auto signer_apps, signer_apps_of(settings.home, signers, runtime.rng));
  app->desk_->use_signer_apps(std::move(signer_apps));
  options.approvals = &app->book_;
  TRY(app->bifrost_, frostr::BifrostNode::create(
                         {runtime.loop, pool, *app->db_, runtime.clock, runtime.rng},
                         std::move(group), std::move(share), std::move(options)));
  app->bifrost_->cosigner().set_pause([home = settings.home] { return PauseSwitch(home).reason(); });
  return app;
}

nostr::PublicKey CosignerApp::share_key() const {
  return bifrost_->group().find(bifrost_->share().idx)->identity();
}

base::Task<Result<void>> CosignerApp::start() {
  CO_TRY(record_start());
  pool_.set_auth("", &service_);
  // Relays that others name in their lists must not lead into this machine's network.
  std::vector<std::string> ours = relays_;
  const auto& followed = bifrost_->cosigner().policy().follow_relays;
  ours.insert(ours.end(), followed.begin(), followed.end());
  pool_.restrict_private(std::move(ours));
  publisher_.sign_for(service_);
  publisher_.start();
  announce();
  desk_->start();
  subscribe_questions();
  scope_.spawn("outcomes", follow_outcomes());
  scope_.spawn("policy watch", keep_watch());
  for (const storage::InboxRow& row : inbox_.list_open().value_or(std::vector<storage::InboxRow>{}))
    scope_.spawn("question", open_question(row.event));
  CO_TRY(control_, ControlServer::listen(runtime_.loop, home_.control_socket(),
                                         [this](std::string method, Value params) {
                                           return control(std::move(method), std::move(params));
                                         }));
  auto started = co_await bifrost_->start();
  if (!started)
    LOG(kWarn, "cosigner", "no relay yet; trying on", {{"detail", started.error().detail}});
  co_return Result<void>{};
}

base::Task<void> CosignerApp::stop() {
  questions_.reset();
  outcomes_.reset();
  if (control_) co_await control_->stop();
  co_await bifrost_->stop();
  co_await desk_->stop();
  co_await scope_.stop();
  // What was counted in memory is written, and the head signed; it is published at the next start.
  auto closed = bifrost_->cosigner().audit().flush(runtime_.clock.now(), /*all=*/true);
  if (closed) closed = anchor_audit(/*due_only=*/false);
  if (!closed)
    LOG(kError, "cosigner", "the audit log was not closed", {{"detail", closed.error().detail}});
  co_await publisher_.stop();
  co_await pool_.stop();
}

/// Who writes to the operator: a name to recognise and an inbox to answer to.
void CosignerApp::announce() {
  const base::UnixTime now = runtime_.clock.now();
  const Value profile = {{"name", fmt::format("co-signer {} of {}", bifrost_->share().idx.value,
                                              bifrost_->group().identity().hex().substr(0, 8))},
                         {"about", "asks its operator before it co-signs for an agent"},
                         {"bot", true}};
  std::vector<nostr::Draft> drafts;
  drafts.push_back({nostr::kinds::kMetadata, now, {}, base::json::dump(profile)});
  drafts.push_back(nostr::build_relay_list({.read = relays_, .write = relays_}, now));
  drafts.push_back(nostr::build_dm_relays(relays_, now));
  for (nostr::Draft& draft : drafts) {
    if (auto posted = publisher_.post_draft(service_key(), std::move(draft), relays_,
                                            "announcement", kAnnouncePatience);
        !posted)
      LOG(kError, "cosigner", "cannot queue an announcement", {{"detail", posted.error().detail}});
  }
}

// ---- questions in
// ----------------------------------------------------------------------------------

void CosignerApp::subscribe_questions() {
  const std::vector<nostr::PublicKey> runners = runners_of(bifrost_->cosigner().policy());
  questions_.reset();
  if (runners.empty()) return;
  nostr::Filter filter{.authors = runners,
                       .kinds = {nipsa::kinds::kApprovalRequest},
                       .tags = {{'p', {service_key().hex()}}},
                       .since = runtime_.clock.now() - kQuestionAge};
  nostr::Filters filters{std::move(filter)};
  questions_ = std::make_unique<nostr::Feed>(
      pool_, runtime_.clock, relays_, std::move(filters),
      nostr::FeedCallbacks{.on_events = [this](std::span<const nostr::Delivery> batch) {
        return on_questions(batch);
      }},
      nostr::FeedOptions{.cursors = &cursors_});
}

/// Whether every question is kept.
bool CosignerApp::on_questions(std::span<const nostr::Delivery> batch) {
  const std::vector<std::string> handlers{std::string(kQuestionHandler)};
  bool kept = true;
  for (const nostr::Delivery& delivery : batch) {
    // What comes again costs no share.
    if (inbox_.knows(delivery.event->id, kQuestionHandler).value_or(false)) continue;
    // A runner is known and may still be hostile: its questions must not fill the disk.
    if (!questions_taken_.take(runtime_.clock.now())) {
      if (questions_taken_.should_tell())
        LOG(kWarn, "cosigner", "too many questions this hour; the rest is not looked at", {});
      continue;
    }
    auto ingested =
        inbox_.ingest(events_, *delivery.event, handlers, delivery.relay, runtime_.clock.now());
    if (!ingested) {
      LOG(kError, "cosigner", "cannot keep a question", {{"detail", ingested.error().detail}});
      kept = false;
      continue;
    }
    if (!ingested->opened.empty()) scope_.spawn("question", open_question(*delivery.event));
  }
  return kept;
}

Result<orchestration::Ask> CosignerApp::read_question(const nostr::Event& request) {
  TRY(nipsa::ApprovalRequest parsed, nipsa::parse_approval_request(request));
  TRY(const nostr::ConversationKey key,
      nostr::nip44_conversation_key(service_.key(), request.pubkey));
  TRY(const std::string plaintext, nostr::nip44_decrypt(key, parsed.content));
  TRY(QuestionBody body, decode_question_body(plaintext));
  if (!body.event) return fail(Errc::kInvalid, "a co-signer is asked about events only");
  const auto member = bifrost_->cosigner().requester_of(request.pubkey);
  if (!member) return fail(Errc::kDenied, "the requester is not a runner this policy knows");
  frostr::SignReason reason;
  if (parsed.tick) reason.tick = parsed.tick->hex();
  frostr::Cosigner& cosigner = bifrost_->cosigner();
  TRY(const frostr::Explained explained,
      frostr::explain(cosigner.facts(), cosigner.policy(), *body.event, *member, reason,
                      runtime_.clock.now()));
  const frostr::Verdict& verdict = explained.verdict;
  if (verdict.outcome != frostr::Verdict::Outcome::kAsk)
    return fail(Errc::kDenied,
                verdict.signs() ? std::string(kNoQuestionNeeded) : verdict.reason);
  // A question stays open as long as the policy says, whatever the runner would like.
  parsed.expires =
      std::min(parsed.expires, runtime_.clock.now() + bifrost_->cosigner().policy().approval_ttl);
  const nostr::Sha256 digest = nipsa::event_digest(*body.event);
  const nostr::Kind kind = body.event->kind;
  return orchestration::Ask{.request = request,
                            .parsed = std::move(parsed),
                            .digest = digest,
                            .agent = body.event->pubkey,
                            .action_class = fmt::format("kind:{}", kind),
                            .description = orchestration::describe_event(*body.event),
                            .action_json = nostr::to_json(*body.event),
                            .sats = sats_of(*body.event),
                            .needs_proof = verdict.needs_proof};
}

base::Task<void> CosignerApp::open_question(nostr::Event request) {
  auto ask = read_question(request);
  Result<void> opened;
  if (ask)
    opened = co_await desk_->ask(*std::move(ask));
  else
    opened = std::unexpected(ask.error());
  if (!opened)
    LOG(kWarn, "cosigner", "question not asked",
        {{"request", request.id.hex()}, {"why", opened.error().detail}});
  // Trouble with the disk is not the question's fault: its row stays open for the next start.
  if (!opened && is_storage_trouble(opened.error())) co_return;
  if (auto closed = close_question(request, opened); !closed)
    LOG(kError, "cosigner", "cannot close a question's inbox row",
        {{"detail", closed.error().detail}});
}

/// Closes the inbox row, and tells the runner at once what will not be asked.
Result<void> CosignerApp::close_question(const nostr::Event& request, const Result<void>& opened) {
  const base::UnixTime now = runtime_.clock.now();
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  if (!opened) {
    // One that was asked before has its own end; a refusal would take its decision's place.
    TRY(const auto known, approvals_.get(request.id));
    if (!known && refusals_told_.take(now)) TRY(desk_->refuse(request, refusal_word(opened.error())));
  }
  TRY(inbox_.close(request.id, kQuestionHandler, now));
  return tx.commit();
}

// ---- outcomes
// --------------------------------------------------------------------------------------

/// The ids of approved events of which the operator has not been told. An approval that we did not
/// use up ourselves may be used by another co-signer that trusts our decision.
std::vector<nostr::EventId> CosignerApp::untold_events() {
  std::vector<nostr::EventId> ids;
  auto questions = approvals_.history(kFollowedQuestions);
  for (const Question& question : questions.value_or(std::vector<Question>{})) {
    if (question.state != QuestionState::kApproved && question.state != QuestionState::kConsumed)
      continue;
    auto told = approvals_.receipts(question.id);
    if (!told || !told->empty()) continue;
    auto bound = approvals_.bound_event(question.digest);
    if (bound && *bound)
      ids.push_back(**bound);
    else if (auto asked = nostr::parse_unsigned_event(question.action_json))
      ids.push_back(nostr::compute_id(*asked));
  }
  return ids;
}

base::Task<void> CosignerApp::follow_outcomes() {
  for (;;) {
    nostr::Filter filter{.ids = untold_events()};
    if (filter.ids.empty()) {
      outcomes_.reset();
    } else if (outcomes_) {
      outcomes_->update({std::move(filter)});
    } else {
      outcomes_ = pool_.subscribe(
          relays_, {std::move(filter)},
          {.on_events = [this](std::span<const nostr::Delivery> batch) { on_outcomes(batch); },
           .on_eose = {},
           .on_closed = {}});
    }
    co_await outcome_wanted_.wait_for(std::chrono::minutes{1});
  }
}

void CosignerApp::on_outcomes(std::span<const nostr::Delivery> batch) {
  for (const nostr::Delivery& delivery : batch)
    if (auto taken = take_outcome(*delivery.event); !taken)
      LOG(kError, "cosigner", "cannot record an outcome", {{"detail", taken.error().detail}});
}

Result<void> CosignerApp::take_outcome(const nostr::Event& event) {
  const nostr::Sha256 digest = nipsa::event_digest(nostr::unsigned_part(event));
  TRY(const auto question, approvals_.latest(digest));
  if (!question) return {};
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  if (question->state == QuestionState::kApproved) {
    TRY(approvals_.consume(question->id, event.id, runtime_.clock.now()));
  } else if (question->state != QuestionState::kConsumed) {
    return {};
  }
  TRY(desk_->tell_outcome(question->id, "done", "published as " + nostr::encode_note(event.id)));
  return tx.commit();
}

// ---- policy and record
// ------------------------------------------------------------------------------

/// The policy an earlier process had is remembered, so that a change while none ran shows too.
Result<void> CosignerApp::record_start() {
  storage::Kv kv(*db_);
  TRY(const auto before, kv.get(kPolicyKey));
  const std::string hash = policy_hash_.hex();
  if (before == hash) return {};
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  TRY(record_policy("loaded", before ? "changed while not running, before: " + *before : "first",
                    policy_hash_));
  TRY(kv.set(kPolicyKey, hash));
  return tx.commit();
}

Result<void> CosignerApp::record_policy(std::string_view verdict, std::string_view reason,
                                        const nostr::Sha256& hash) {
  return bifrost_->cosigner().audit().record({.kind = "policy",
                                              .verdict = std::string(verdict),
                                              .reason = std::string(reason),
                                              .digest = hash},
                                             runtime_.clock.now());
}

/// Looks after what happens by itself: the policy file, floods in the record, anchors.
base::Task<void> CosignerApp::keep_watch() {
  for (;;) {
    if (policy_source_.has_changed()) {
      if (auto taken = reload(); !taken)
        LOG(kError, "cosigner", "policy not taken; the one before stays in force",
            {{"detail", taken.error().detail}, {"hint", taken.error().hint}});
    }
    auto kept = bifrost_->cosigner().audit().flush(runtime_.clock.now());
    if (kept) kept = anchor_audit(/*due_only=*/true);
    if (!kept)
      LOG(kError, "cosigner", "cannot keep the audit log", {{"detail", kept.error().detail}});
    co_await base::sleep_for(kWatch);
  }
}

/// Takes the policy file as it is now; false when it is the one in force. An invalid one changes
/// nothing but the record.
Result<bool> CosignerApp::reload() {
  auto loaded = policy_source_.load();
  if (!loaded) {
    const bool told = policy_error_ == loaded.error().detail;
    policy_error_ = loaded.error().detail;
    if (!told) TRY(record_policy("rejected", policy_error_, policy_hash_));
    return std::unexpected(std::move(loaded).error());
  }
  policy_error_.clear();
  if (loaded->hash == policy_hash_) return false;
  const auto changes = frostr::compare(bifrost_->cosigner().policy(), loaded->policy);
  const std::string_view verdict = changes.empty()              ? "rewritten"
                                   : frostr::loosens(changes) ? "loosened"
                                                              : "tightened";
  const std::string what = frostr::describe(changes);
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  TRY(record_policy(verdict, fmt::format("before {}: {}", policy_hash_.hex(), what), loaded->hash));
  TRY(storage::Kv(*db_).set(kPolicyKey, loaded->hash.hex()));
  TRY(tx.commit());
  LOG(kInfo, "cosigner", "policy taken", {{"direction", std::string(verdict)}, {"what", what}});
  apply(*std::move(loaded));
  return true;
}

/// Where messages travel and questions are answered stays until the next start.
void CosignerApp::apply(LoadedPolicy loaded) {
  policy_hash_ = loaded.hash;
  policy_since_ = runtime_.clock.now();
  desk_->set_roster(loaded.policy.operators, loaded.policy.quorum, loaded.policy.decisions_from);
  const frostr::AskingRule& asking = loaded.policy.asking;
  desk_->set_rules(asking.hold, asking.reaction_max, asking.public_mentions);
  bifrost_->set_policy(std::move(loaded.policy));
  subscribe_questions();
}

Result<void> CosignerApp::anchor_audit(bool due_only) {
  storage::AuditLog& log = bifrost_->cosigner().audit().log();
  TRY(const storage::AuditHead head, log.head());
  TRY(const auto last, log.anchors(1));
  const base::UnixTime now = runtime_.clock.now();
  const storage::AuditAnchor newest =
      last.empty() ? storage::AuditAnchor{.time = policy_since_} : last.front();
  if (head.seq <= newest.head.seq || (due_only && !anchor_due(head, newest, now))) return {};
  const nostr::Event event = sign_anchor(head, share_key(), service_.key(), now, runtime_.rng);
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  TRY(log.add_anchor({head, now, nostr::to_json(event)}));
  if (bifrost_->cosigner().policy().publish_anchors)
    TRY(publisher_.post(event, relays_, "audit-anchor", kAnchorPatience));
  return tx.commit();
}

}  // namespace node
