// Wiring of the co-signer: questions in, answers understood by the desk, signatures by frostr.
#include "node/cosigner_app.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "frostr/policy_file.h"
#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "node/desk_views.h"
#include "node/key_file.h"
#include "node/outbox_view.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip65.h"
#include "orchestration/approvals/render.h"
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
constexpr std::int64_t kMaxSats = 2'100'000'000'000'000;

/// What an event moves when it is used: the amount of a zap request (millisats, NIP-57), rounded
/// up.
std::int64_t sats_of(const nostr::UnsignedEvent& event) {
  if (event.kind != nostr::kinds::kZapRequest) return 0;
  const std::string_view text = nostr::tag_value(event.tags, "amount").value_or("");
  std::int64_t msats = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), msats);
  if (error != std::errc{} || end != text.data() + text.size() || msats < 0) return 0;
  return std::min((msats + 999) / 1'000, kMaxSats);
}

std::vector<nostr::PublicKey> runners_of(const frostr::Policy& policy) {
  std::vector<nostr::PublicKey> out;
  for (const frostr::Requester& requester : policy.requesters)
    if (requester.runner) out.push_back(*requester.runner);
  return out;
}

}  // namespace

CosignerApp::CosignerApp(Runtime& runtime, const CosignerSettings& settings,
                         std::unique_ptr<storage::Db> db, ThresholdIdentity identity,
                         nostr::SecretKey service, frostr::Policy policy)
    : runtime_(runtime),
      home_(settings.home),
      db_(std::move(db)),
      approvals_(*db_),
      inbox_(*db_),
      events_(*db_),
      outbox_(*db_),
      service_(std::move(service), runtime.clock, runtime.rng),
      book_(*db_, [this] { outcome_wanted_.notify(); }),
      publisher_(runtime.loop, runtime.pool, *db_, runtime.clock),
      relays_(settings.relays.empty() ? policy.follow_relays : settings.relays),
      outcome_wanted_(runtime.loop),
      scope_(runtime.loop) {
  orchestration::DeskOptions desk{
      .role = "cosigner",
      .agent_name = "agent " + identity.group.identity().hex().substr(0, 8),
      .operators = policy.operators,
      .quorum = policy.quorum,
      .decisions_from = policy.decisions_from,
      .relays = relays_,
      .inbox_relays = relays_};
  desk_ = std::make_unique<orchestration::Desk>(
      runtime.loop, runtime.pool, service_, *db_, runtime.clock, runtime.rng, std::move(desk),
      [this](const Question&) { outcome_wanted_.notify(); }, [this] { publisher_.wake(); });
}

CosignerApp::~CosignerApp() = default;

Result<std::unique_ptr<CosignerApp>> CosignerApp::create(Runtime& runtime,
                                                         const CosignerSettings& settings) {
  TRY(settings.home.ensure());
  TRY(ThresholdIdentity identity,
      load_identity(settings.group_file, settings.share_file, settings.passphrase_file));
  const std::filesystem::path policy_path = settings.policy_file.empty()
                                                ? settings.home.policy_file()
                                                : std::filesystem::path(settings.policy_file);
  auto text = read_file(policy_path);
  if (!text) {
    text.error().hint = "write one with `sovereign cosigner init`";
    return std::unexpected(text.error());
  }
  TRY(frostr::Policy policy, frostr::parse_policy(*text, policy_path.string()));
  TRY(nostr::SecretKey service,
      load_or_create_key_file(settings.home.service_key_file(), runtime.rng));
  TRY(std::unique_ptr<storage::Db> db, storage::open_database(settings.home.database().string()));

  frostr::BifrostOptions options{
      .relays = settings.relays.empty() ? policy.follow_relays : settings.relays,
      .policy = policy,
      .cosigner = {.service = service.public_key(), .judges = true},
      .coordinates = false,
      .follow = true};
  if (options.relays.empty())
    return fail(Errc::kInvalid, "no relay to serve on",
                "--relay URL, or [relays] follow in policy.toml");
  frostr::GroupPackage group = identity.group;
  frostr::SecretShare share = identity.share.clone();
  std::unique_ptr<CosignerApp> app(new CosignerApp(runtime, settings, std::move(db),
                                                   std::move(identity), std::move(service),
                                                   std::move(policy)));
  options.approvals = &app->book_;
  TRY(app->bifrost_, frostr::BifrostNode::create(
                         {runtime.loop, runtime.pool, *app->db_, runtime.clock, runtime.rng},
                         std::move(group), std::move(share), std::move(options)));
  return app;
}

nostr::PublicKey CosignerApp::share_key() const {
  return bifrost_->group().find(bifrost_->share().idx)->identity();
}

base::Task<Result<void>> CosignerApp::start() {
  runtime_.pool.set_auth("", &service_);
  // Relays that others name in their lists must not lead into this machine's network.
  std::vector<std::string> ours = relays_;
  const auto& followed = bifrost_->cosigner().policy().follow_relays;
  ours.insert(ours.end(), followed.begin(), followed.end());
  runtime_.pool.restrict_private(std::move(ours));
  publisher_.sign_for(service_);
  publisher_.start();
  announce();
  desk_->start();
  subscribe_questions();
  scope_.spawn("outcomes", follow_outcomes());
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
  co_await publisher_.stop();
  co_await scope_.stop();
  co_await runtime_.pool.stop();
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
  if (runners.empty()) return;
  nostr::Filter filter{.authors = runners,
                       .kinds = {nipsa::kinds::kApprovalRequest},
                       .tags = {{'p', {service_key().hex()}}},
                       .since = runtime_.clock.now() - kQuestionAge};
  questions_ = runtime_.pool.subscribe(
      relays_, {std::move(filter)},
      {.on_events = [this](std::span<const nostr::Delivery> batch) { on_questions(batch); },
       .on_eose = {},
       .on_closed = {}});
}

void CosignerApp::on_questions(std::span<const nostr::Delivery> batch) {
  const std::vector<std::string> handlers{std::string(kQuestionHandler)};
  for (const nostr::Delivery& delivery : batch) {
    auto ingested =
        inbox_.ingest(events_, *delivery.event, handlers, delivery.relay, runtime_.clock.now());
    if (!ingested) {
      LOG(kError, "cosigner", "cannot keep a question", {{"detail", ingested.error().detail}});
      continue;
    }
    if (!ingested->opened.empty()) scope_.spawn("question", open_question(*delivery.event));
  }
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
  const std::string tick = parsed.tick ? parsed.tick->hex() : "";
  TRY(const frostr::Verdict verdict,
      bifrost_->cosigner().judge_question(*body.event, *member, tick, runtime_.clock.now()));
  if (verdict.outcome != frostr::Verdict::Outcome::kAsk)
    return fail(Errc::kDenied,
                verdict.signs() ? "no question is needed for this event" : verdict.reason);
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
                            .sats = sats_of(*body.event)};
}

base::Task<void> CosignerApp::open_question(nostr::Event request) {
  const nostr::EventId id = request.id;
  auto ask = read_question(request);
  Result<void> opened;
  if (ask)
    opened = co_await desk_->ask(*std::move(ask));
  else
    opened = std::unexpected(ask.error());
  if (!opened)
    LOG(kWarn, "cosigner", "question not asked",
        {{"request", id.hex()}, {"why", opened.error().detail}});
  if (auto closed = inbox_.close(id, kQuestionHandler, runtime_.clock.now()); !closed)
    LOG(kError, "cosigner", "cannot close a question's inbox row",
        {{"detail", closed.error().detail}});
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
      outcomes_ = runtime_.pool.subscribe(
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

base::Task<Result<Value>> CosignerApp::control(std::string method, Value params) {
  if (method == "pending") co_return pending_view(approvals_, runtime_.clock.now());
  if (method == "outbox") co_return answer_outbox(outbox_, params);
  if (method == "approve" || method == "deny") {
    CO_TRY(const std::string code, base::json::get_string(params, "code"));
    CO_TRY(const Question question, desk_->answer_here(code, method == "approve"));
    co_return question_view(question);
  }
  if (method == "status") {
    Value status = {{"role", "cosigner"},
                    {"identity", bifrost_->group().identity().hex()},
                    {"share", share_key().hex()},
                    {"service", service_key().hex()},
                    {"relays", relay_view(runtime_.pool.status())}};
    CO_TRY(status["pending"], pending_view(approvals_, runtime_.clock.now()));
    CO_TRY(status["outbox"], outbox_view(outbox_));
    co_return status;
  }
  co_return fail(Errc::kUnsupported, fmt::format("a co-signer has no method \"{}\"", method));
}

}  // namespace node
