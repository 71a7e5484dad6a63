// The desk's own half: asking, deciding, telling. What answers mean is in desk_answers.cpp.
#include "orchestration/approvals/desk.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "nostr/nips/nip19.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "orchestration/approvals/render.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::UnixTime;
using storage::Durability;
using storage::Question;
using storage::QuestionState;
using storage::Tx;

constexpr std::chrono::seconds kDeniedMemory{3'600};
constexpr std::chrono::seconds kReceiptPatience{86'400};
constexpr std::chrono::seconds kLookBack{86'400};
constexpr std::chrono::seconds kRefusalPatience{900};
constexpr std::size_t kMaxRefusal = 300;
constexpr std::size_t kMaxReferences = 500;  // ids one filter asks for
constexpr std::chrono::seconds kReferenceOverlap{300};

constexpr std::string_view kDecisionChannel = "39213";

/// The kind of event a signal was, as evidence names it; nullopt for a word given at the machine.
std::optional<nostr::Kind> kind_of_channel(std::string_view channel) {
  if (channel == "nip17") return nostr::kinds::kPrivateMessage;
  if (channel == "nip04") return nostr::kinds::kLegacyDm;
  if (channel == "note") return nostr::kinds::kTextNote;
  if (channel == "comment") return nostr::kinds::kComment;
  if (channel == "reaction") return nostr::kinds::kReaction;
  if (channel == kDecisionChannel) return nipsa::kinds::kApprovalDecision;
  return std::nullopt;
}

std::vector<std::string> united(std::vector<std::string> a, const std::vector<std::string>& b) {
  for (const std::string& item : b)
    if (std::find(a.begin(), a.end(), item) == a.end()) a.push_back(item);
  return a;
}

}  // namespace

Desk::Desk(base::Loop& loop, nostr::Pool& pool, const nostr::KeySigner& asker, storage::Db& db,
           const base::Clock& clock, base::Rng& rng, DeskOptions options,
           std::function<void(const Question&)> changed, std::function<void()> outbox_filled)
    : loop_(loop),
      pool_(pool),
      asker_(asker),
      db_(db),
      approvals_(db),
      outbox_(db),
      orders_(db),
      cursors_(db),
      clock_(clock),
      rng_(rng),
      options_(std::move(options)),
      changed_(std::move(changed)),
      outbox_filled_(std::move(outbox_filled)),
      courier_(pool, asker, clock, rng, options_.operators,
               united(options_.relays, options_.inbox_relays)),
      wake_(loop),
      scope_(loop) {}

Desk::~Desk() = default;

void Desk::use_signer_apps(std::vector<PromptTarget> apps) {
  if (apps.empty()) return;
  prompter_ = std::make_unique<Prompter>(
      Prompter::Deps{loop_, pool_, clock_, rng_}, std::move(apps),
      Prompter::Options{.agent_name = options_.agent_name},
      Prompter::Callbacks{
          .signed_yes = [this](const nostr::Event& decision) { take_signed_yes(decision); },
          .signs_by_itself = [this](const nostr::PublicKey& user) { warn_of_eager_app(user); }});
}

void Desk::start() {
  listen();
  const auto open = approvals_.list(QuestionState::kOpen);
  for (const Question& question : open.value_or(std::vector<Question>{})) prompt(question);
  scope_.spawn("approval desk clock", watch_time());
  scope_.spawn("approval desk reach", tell_reach());
}

std::vector<std::pair<nostr::PublicKey, Reach>> Desk::reach() const {
  std::vector<std::pair<nostr::PublicKey, Reach>> out;
  for (const nostr::PublicKey& person : options_.operators) out.emplace_back(person, courier_.reach(person));
  return out;
}

/// Said at the start, and not when the first question is put to nobody.
base::Task<void> Desk::tell_reach() {
  co_await courier_.locate();
  for (const auto& [person, how] : reach())
    if (how != Reach::kPrivate)
      LOG(kWarn, "desk", "an operator publishes no inbox (kind 10050)",
          {{"operator", nostr::encode_npub(person)}, {"asked_by", std::string(reach_name(how))}});
}

void Desk::set_roster(std::vector<nostr::PublicKey> operators, std::uint32_t quorum,
                      std::vector<nostr::PublicKey> decisions_from) {
  options_.operators = std::move(operators);
  options_.quorum = quorum;
  options_.decisions_from = std::move(decisions_from);
  courier_.set_people(options_.operators);
  if (answers_) listen();
  wake_.notify();
}

void Desk::set_rules(std::chrono::seconds hold, std::int64_t reaction_max_sats,
                     bool public_mentions) {
  options_.hold = hold;
  options_.reaction_max_sats = reaction_max_sats;
  options_.public_mentions = public_mentions;
  wake_.notify();
}

void Desk::listen() {
  courier_.start();
  const UnixTime since = clock_.now() - kLookBack;
  std::vector<nostr::PublicKey> deciders = options_.operators;
  deciders.insert(deciders.end(), options_.decisions_from.begin(), options_.decisions_from.end());
  const std::string self = asker_.public_key().hex();
  nostr::Filters filters;
  filters.push_back({.kinds = {nostr::kinds::kGiftWrap},
                     .tags = {{'p', {self}}},
                     .since = clock_.now() - nostr::kWrapOverlap});
  if (!deciders.empty())
    filters.push_back(
        {.authors = deciders, .kinds = {nipsa::kinds::kApprovalDecision}, .since = since});
  if (!options_.operators.empty()) {
    filters.push_back({.authors = options_.operators,
                       .kinds = {nostr::kinds::kLegacyDm, nostr::kinds::kTextNote,
                                 nostr::kinds::kComment, nostr::kinds::kReaction},
                       .tags = {{'p', {self}}},
                       .since = since});
    filters.push_back(
        {.authors = options_.operators, .kinds = {nostr::kinds::kDeletion}, .since = since});
    // An order stands however long we were away.
    filters.push_back({.authors = options_.operators,
                       .kinds = {nostr::kinds::kAppData},
                       .tags = {{'p', {self}}}});
  }
  answers_ = std::make_unique<nostr::Feed>(
      pool_, clock_, united(options_.inbox_relays, options_.relays), std::move(filters),
      nostr::FeedCallbacks{.on_events = [this](std::span<const nostr::Delivery> batch) {
        return on_events(batch);
      }},
      nostr::FeedOptions{.cursors = &cursors_, .overlap = kLookBack});
}

/// Clients are seen to leave us out of the `p` tags of a reply or reaction, and one to a 39212 names
/// its author: what points at an open question is asked for by that.
void Desk::listen_for_references() {
  std::vector<std::string> ids;
  std::vector<std::string> addresses;
  std::vector<std::string> questions_asked;
  std::vector<nostr::PublicKey> requesters;
  UnixTime since = clock_.now();
  for (const QuestionState state : {QuestionState::kOpen, QuestionState::kApproved}) {
    const auto questions = approvals_.list(state);
    for (const Question& question : questions.value_or(std::vector<Question>{})) {
      since = std::min(since, question.created_at);
      ids.push_back(question.id.hex());
      questions_asked.push_back(question.id.hex());
      if (std::ranges::find(requesters, question.requester) == requesters.end()) requesters.push_back(question.requester);
      if (const auto request = nostr::parse_event(question.request_json))
        if (const auto address = nostr::address_of(*request)) addresses.push_back(address->str());
      const auto shown = approvals_.presentations(question.id);
      for (const storage::Presentation& one :
           shown.value_or(std::vector<storage::Presentation>{}))
        ids.push_back(one.id.hex());
    }
  }
  if (ids.empty() || options_.operators.empty()) return references_.reset();
  if (ids.size() > kMaxReferences) ids.resize(kMaxReferences);
  const std::vector<nostr::Kind> kinds{nostr::kinds::kTextNote, nostr::kinds::kComment,
                                       nostr::kinds::kReaction};
  const auto pointing = [&](char tag, std::vector<std::string> values) {
    return nostr::Filter{.authors = options_.operators,
                         .kinds = kinds,
                         .tags = {{tag, std::move(values)}},
                         .since = since - kReferenceOverlap};
  };
  nostr::Filters filters{pointing('e', std::move(ids))};
  if (!addresses.empty()) filters.push_back(pointing('a', std::move(addresses)));
  // Who asked may take the request back.
  if (questions_asked.size() > kMaxReferences) questions_asked.resize(kMaxReferences);
  filters.push_back({.authors = std::move(requesters),
                     .kinds = {nostr::kinds::kDeletion},
                     .tags = {{'e', std::move(questions_asked)}},
                     .since = since - kReferenceOverlap});
  if (references_) return references_->update(std::move(filters));
  references_ = pool_.subscribe(
      united(options_.inbox_relays, options_.relays), std::move(filters),
      {.on_events = [this](std::span<const nostr::Delivery> batch) { on_events(batch); },
       .on_eose = {},
       .on_closed = {}});
}

base::Task<void> Desk::stop() {
  answers_.reset();
  references_.reset();
  courier_.stop();
  if (prompter_) co_await prompter_->stop();
  co_await scope_.stop();
}

/// The set of approvers is the one that was asked, without those removed since: never the union.
bool Desk::may_answer(const Question& question, const nostr::PublicKey& author,
                      bool by_decision) const {
  const auto& others = options_.decisions_from;
  if (by_decision && std::find(others.begin(), others.end(), author) != others.end()) return true;
  const auto& asked = question.operators;
  return is_operator(author) && std::find(asked.begin(), asked.end(), author) != asked.end();
}

bool Desk::is_operator(const nostr::PublicKey& key) const {
  return std::find(options_.operators.begin(), options_.operators.end(), key) !=
         options_.operators.end();
}

void Desk::report_failure(std::string_view what, const base::Error& error) const {
  LOG(kError, "desk", what,
      {{"error", base::errc_name(error.code).data()}, {"detail", error.detail}});
}

// ---- asking
// --------------------------------------------------------------------------------------

Result<void> Desk::check_ask(const Ask& ask) {
  const UnixTime now = clock_.now();
  if (ask.parsed.guardian != asker_.public_key())
    return fail(Errc::kInvalid, "the request is addressed to another guardian");
  if (ask.parsed.action_hash != ask.digest)
    return fail(Errc::kInvalid,
                "other-digest: the request's action_hash is not that of the action");
  if (ask.parsed.expires <= now) return fail(Errc::kInvalid, "the request has expired");
  if (options_.operators.empty()) return fail(Errc::kUnavailable, "no operator is configured");
  if (!nipsa::is_issuable(nipsa::approval_code(ask.request.id), {}))
    return fail(Errc::kInvalid, "the code of this request could be misread",
                "rebuild the request with a new d");
  // A requester that grinds ids could give a new question an old one's code.
  TRY(const auto namesakes,
      approvals_.by_code(nipsa::format_code(nipsa::approval_code(ask.request.id))));
  if (!namesakes.empty())
    return fail(Errc::kInvalid, "another question has the code of this request",
                "rebuild the request with a new d");
  TRY(const auto done, approvals_.bound_event(ask.digest));
  if (done)
    return fail(Errc::kConflict,
                "already-done: this action was approved before, as " + done->hex());
  TRY(const auto denied, approvals_.denied_since(ask.digest, now - kDeniedMemory));
  if (denied) return fail(Errc::kDenied, "denied: the operator refused this within the last hour");
  for (const nostr::PublicKey& person : options_.operators) {
    TRY(const std::int64_t open, approvals_.open_for(person));
    if (open >= options_.max_open)
      return fail(Errc::kLimit, fmt::format("too-many-questions: {} are open, limit is {}", open,
                                            options_.max_open));
    TRY(const std::int64_t recent,
        approvals_.asked_since(person, now - std::chrono::seconds{3'600}));
    if (recent >= options_.max_per_hour)
      return fail(Errc::kLimit, fmt::format("too-many-questions: {} in an hour, limit is {}",
                                            recent, options_.max_per_hour));
  }
  return {};
}

/// Whether a question about `digest` waits or is approved.
Result<bool> Desk::is_standing(const nostr::Sha256& digest) {
  TRY(const auto latest, approvals_.latest(digest));
  return latest &&
         (latest->state == QuestionState::kOpen || latest->state == QuestionState::kApproved);
}

base::Task<Result<void>> Desk::ask(Ask ask) {
  CO_TRY(bool standing, is_standing(ask.digest));
  if (standing) co_return Result<void>{};
  CO_TRY(const auto known, approvals_.get(ask.request.id));
  if (known)
    co_return fail(Errc::kConflict,
                   fmt::format("this request is {}", storage::name_of(known->state)));
  CO_TRY(check_ask(ask));
  co_await courier_.locate();
  // Others may have asked meanwhile: the limits and the rule of one question hold at the commit.
  CO_TRY(standing, is_standing(ask.digest));
  if (standing) co_return Result<void>{};
  CO_TRY(check_ask(ask));

  Question question{.id = ask.request.id,
                    .digest = ask.digest,
                    .code = nipsa::format_code(nipsa::approval_code(ask.request.id)),
                    .asker = options_.role,
                    .agent = ask.agent,
                    .tick = ask.parsed.tick ? ask.parsed.tick->hex() : "",
                    .requester = ask.request.pubkey,
                    .action_class = ask.action_class,
                    .summary = ask.description,
                    .action_json = ask.action_json,
                    .request_json = nostr::to_json(ask.request),
                    .sats = ask.sats,
                    .required = static_cast<int>(options_.quorum),
                    .operators = options_.operators,
                    .created_at = clock_.now(),
                    .expires_at = ask.parsed.expires,
                    .needs_proof = ask.needs_proof};
  CO_TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  CO_TRY(show_question(question, ask));
  CO_TRY(tx.commit());
  FAILPOINT("question-committed");
  LOG(kInfo, "desk", "asked", {{"code", question.code}, {"class", question.action_class}});
  outbox_filled_();
  prompt(question);
  wake_.notify();
  co_return Result<void>{};
}

/// Writes the question and every message that shows it.
Result<void> Desk::show_question(const Question& question, const Ask& ask) {
  TRY(const auto open_before, approvals_.list(QuestionState::kOpen));
  const QuestionFrame frame{.agent_name = options_.agent_name,
                            .now = clock_.now(),
                            .expires = question.expires_at,
                            .code = question.code,
                            .reason = ask.parsed.reason,
                            .needs_proof = question.needs_proof,
                            .others_open = std::ssize(open_before)};
  TRY(const std::vector<std::string> parts, render_question(frame, ask.description));
  TRY(approvals_.add(question));
  for (const nostr::PublicKey& person : options_.operators) {
    // Where somebody wrote last is where they look.
    TRY(const auto channel, approvals_.last_private_channel(person));
    int number = 0;
    for (const std::string& part : parts) {
      TRY(const Letter letter, courier_.write(person, part, options_.agent_name + " asks",
                                              channel == "nip04"));
      TRY(show(question, person, letter, ++number));
    }
    if (!options_.public_mentions) continue;
    const std::string line = render_mention(frame, question.action_class, question.sats);
    TRY(show(question, person, courier_.mention(person, line, ask.request), 1));
  }
  return {};
}

Result<void> Desk::show(const Question& question, const nostr::PublicKey& person,
                        const Letter& letter, int part) {
  TRY(approvals_.add_presentation({.id = letter.id,
                                   .question = question.id,
                                   .channel = letter.channel,
                                   .shown_to = person,
                                   .part = part,
                                   .rumor_json = letter.rumor_json,
                                   .wrap_json = nostr::to_json(letter.envelope),
                                   .created_at = clock_.now()}));
  TRY(outbox_.add(letter.envelope, letter.relays, "question", 1, clock_.now(), question.expires_at));
  return {};
}

// ---- signer apps
// -----------------------------------------------------------------------------------

void Desk::prompt(const Question& question) {
  if (prompter_) prompter_->ask(question);
}

void Desk::unprompt(const nostr::EventId& question) {
  if (prompter_) prompter_->drop(question);
}

void Desk::take_signed_yes(const nostr::Event& decision) {
  auto heard = hear_open(decision);
  if (!heard || !*heard) return;
  if (auto kept = consider(**heard, "signer app"); !kept)
    report_failure("cannot keep a signed yes", kept.error());
}

void Desk::warn_of_eager_app(const nostr::PublicKey& user) {
  if (!is_operator(user)) return;
  if (auto written = write_to(user,
                              "your signer app signs my questions faster than anybody reads: it seems "
                              "to approve by itself. Tell it to ask each time.",
                              /*legacy=*/false);
      !written)
    return report_failure("cannot queue a warning", written.error());
  outbox_filled_();
}

Result<void> Desk::refuse(const nostr::Event& request, std::string_view why) {
  const UnixTime now = clock_.now();
  TRY(nostr::Draft draft,
      nipsa::build_question_refusal({.request = request.id,
                                     .requester = request.pubkey,
                                     .reason = std::string(why.substr(0, kMaxRefusal))},
                                    now));
  const nostr::Event event = nostr::sign_event(std::move(draft), asker_.key(), rng_);
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(outbox_.add(event, options_.relays, "refusal", 1, now, now + kRefusalPatience));
  TRY(tx.commit());
  outbox_filled_();
  return {};
}

// ---- deciding
// ------------------------------------------------------------------------------------

Result<void> Desk::settle(const nostr::EventId& id) {
  TRY(const auto question, approvals_.get(id));
  if (!question ||
      (question->state != QuestionState::kOpen && question->state != QuestionState::kApproved))
    return {};
  TRY(auto signals, approvals_.signals(id));
  // Whoever lost the right to answer meanwhile no longer counts.
  std::erase_if(signals, [&](const storage::Signal& s) {
    return s.author != asker_.public_key() &&
           !may_answer(*question, s.author, s.channel == kDecisionChannel);
  });
  const Fold fold = fold_signals(signals, static_cast<std::uint32_t>(question->required));
  const UnixTime now = clock_.now();
  switch (fold.outcome) {
    case FoldOutcome::kDenied:
      return decide(*question, *fold.deciding, false);
    case FoldOutcome::kOpen:
      // A yes was taken back before it was used.
      if (question->state == QuestionState::kApproved) {
        TRY(approvals_.set_state(id, QuestionState::kApproved, QuestionState::kOpen, now));
        prompt(*question);
      }
      return {};
    case FoldOutcome::kApproved: {
      const bool held = question->sats > options_.hold_above_sats && options_.hold.count() > 0;
      unprompt(id);
      if (question->state == QuestionState::kOpen && held) {
        TRY(approvals_.set_state(id, QuestionState::kOpen, QuestionState::kApproved, now));
        wake_.notify();
        return {};
      }
      if (question->state == QuestionState::kApproved && held &&
          question->changed_at + options_.hold > now)
        return {};
      return decide(*question, *fold.deciding, true);
    }
  }
  return {};
}

Result<void> Desk::decide(const Question& question, const storage::Signal& deciding,
                          bool approved) {
  const QuestionState to = approved ? QuestionState::kApproved : QuestionState::kDenied;
  TRY(const auto before, approvals_.decision_for(question.digest));
  const bool again = before && before->question == question.id;
  // A decision older than the state it should support was overtaken: taken back, then said again.
  if (again && before->approved == approved && question.state == to &&
      before->decided_at >= question.changed_at)
    return {};
  // A no that overtakes a yes, or a yes said anew: the newer 39213 replaces the one that stands.
  UnixTime now = clock_.now();
  if (again) now = std::max(now, before->decided_at + std::chrono::seconds{1});
  nipsa::ApprovalDecision decision{
      .request = question.id,
      .requester = question.requester,
      .decision = approved ? nipsa::Decision::kApproved : nipsa::Decision::kDenied,
      .agent = question.agent,
      .action = question.action_class,
      .action_hash = question.digest,
      .expires = question.expires_at};
  if (auto tick = nostr::EventId::from_hex(question.tick)) decision.tick = *tick;
  if (const auto kind = kind_of_channel(deciding.channel))
    decision.evidence.push_back({.id = deciding.id, .kind = *kind, .relay = deciding.relay});
  TRY(nostr::Draft draft, nipsa::build_approval_decision(decision, now));
  const nostr::Event event = nostr::sign_event(std::move(draft), asker_.key(), rng_);

  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  if (question.state != to) TRY(approvals_.set_state(question.id, question.state, to, now));
  TRY(approvals_.add_decision({.id = event.id,
                               .question = question.id,
                               .digest = question.digest,
                               .approved = approved,
                               .decided_by = deciding.author,
                               .signal = deciding.id,
                               .event_json = nostr::to_json(event),
                               .decided_at = now}));
  TRY(outbox_.add(event, options_.relays, "decision", 1, clock_.now(), now + kReceiptPatience));
  if (!approved) TRY(tell_outcome(question.id, "denied", "nothing was done"));
  TRY(tx.commit());
  FAILPOINT("decision-committed");
  LOG(kInfo, "desk", "decided",
      {{"code", question.code}, {"decision", approved ? "approved" : "denied"}});
  unprompt(question.id);
  outbox_filled_();
  TRY(const auto now_standing, approvals_.get(question.id));
  if (now_standing) changed_(*now_standing);
  return {};
}

Result<std::optional<storage::Decision>> Desk::decision(const nostr::Sha256& digest) {
  TRY(auto decision, approvals_.decision_for(digest));
  if (!decision) return std::nullopt;
  TRY(const auto question, approvals_.get(decision->question));
  if (!question) return std::nullopt;
  const bool approved =
      question->state == QuestionState::kApproved && decision->decided_at >= question->changed_at;
  const bool standing = decision->approved ? approved || question->state == QuestionState::kConsumed
                                           : question->state == QuestionState::kDenied;
  if (!standing) return std::nullopt;
  if (question->state == QuestionState::kApproved && clock_.now() > question->expires_at)
    return std::nullopt;
  return decision;
}

Result<Question> Desk::answer_here(const std::string& code, bool approve) {
  const auto folded = nipsa::fold_code(code);
  if (!folded)
    return fail(Errc::kInvalid, fmt::format("\"{}\" is no code", code),
                "codes look like K7QF-2M9X");
  TRY(const auto questions, approvals_.by_code(nipsa::format_code(*folded)));
  if (questions.empty())
    return fail(Errc::kNotFound, fmt::format("no question has the code {}", code),
                "sovereign pending");
  if (questions.size() > 1)
    return fail(Errc::kConflict, fmt::format("several questions have the code {}", code));
  const Question& question = questions.front();
  if (question.state != QuestionState::kOpen && question.state != QuestionState::kApproved)
    return fail(Errc::kConflict,
                fmt::format("question {} is {}", question.code, storage::name_of(question.state)));
  if (approve && question.needs_proof)
    return fail(Errc::kDenied, fmt::format("question {} needs a yes that you sign", question.code),
                "sovereign approve CODE --key-file FILE --relay URL");
  const UnixTime now = clock_.now();
  nostr::EventId id;
  rng_.fill(std::span<std::uint8_t>(id.data(), nostr::EventId::kSize));
  TRY(approvals_.add_signal({.id = id,
                             .question = question.id,
                             .author = asker_.public_key(),
                             .channel = "cli",
                             .strength = storage::SignalStrength::kA,
                             .answer = approve ? storage::Answer::kApprove : storage::Answer::kDeny,
                             .verdict = storage::SignalVerdict::kAccepted,
                             .said_at = now,
                             .received_at = now}));
  TRY(settle(question.id));
  TRY(auto after, approvals_.get(question.id));
  return *after;
}

Result<void> Desk::cancel(const nostr::EventId& id) {
  TRY(const auto question, approvals_.get(id));
  if (!question) return fail(Errc::kNotFound, "no such question");
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(approvals_.set_state(id, question->state, QuestionState::kCancelled, clock_.now()));
  TRY(tell_outcome(id, "cancelled", "the agent no longer asks"));
  TRY(tx.commit());
  unprompt(id);
  outbox_filled_();
  return {};
}

/// Whether this person's last word on the question came by NIP-04: then that is what their client shows.
Result<bool> Desk::writes_legacy(const nostr::EventId& id, const nostr::PublicKey& person) {
  TRY(const auto signals, approvals_.signals(id));
  bool legacy = false;
  for (const storage::Signal& signal : signals)
    if (signal.author == person) legacy = signal.channel == "nip04";
  return legacy;
}

// ---- telling
// -------------------------------------------------------------------------------------

Result<void> Desk::tell_outcome(const nostr::EventId& id, std::string_view outcome,
                                std::string_view detail) {
  TRY(const auto question, approvals_.get(id));
  if (!question) return fail(Errc::kNotFound, "no such question");
  const std::string text =
      fmt::format("{} {}: {}", question->code, outcome, base::escape_for_terminal(detail));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  for (const nostr::PublicKey& person : question->operators) {
    TRY(const bool legacy, writes_legacy(id, person));
    TRY(const Letter letter,
        courier_.write(person, text, options_.agent_name + ": " + std::string(outcome), legacy));
    TRY(const storage::Receipt receipt,
        approvals_.add_receipt({.id = letter.id,
                                .question = id,
                                .told_to = person,
                                .channel = letter.channel,
                                .outcome = std::string(outcome),
                                .rumor_json = letter.rumor_json,
                                .wrap_json = nostr::to_json(letter.envelope),
                                .created_at = clock_.now()}));
    if (receipt.id != letter.id) continue;  // told before, with other words perhaps: once is enough
    TRY(outbox_.add(letter.envelope, letter.relays, "receipt", 1, clock_.now(),
                    clock_.now() + kReceiptPatience));
  }
  TRY(tx.commit());
  FAILPOINT("receipt-committed");
  outbox_filled_();
  return {};
}

// ---- time
// ----------------------------------------------------------------------------------------

/// Whether some operator could read the question: every part of it reached their relays. That it was
/// mentioned is not enough.
Result<bool> Desk::was_delivered(const nostr::EventId& id) {
  TRY(const auto shown, approvals_.presentations(id));
  std::map<nostr::PublicKey, bool> whole;
  for (const storage::Presentation& presentation : shown) {
    if (presentation.channel == "note") continue;
    TRY(const nostr::Event envelope, nostr::parse_event(presentation.wrap_json));
    TRY(const auto row, outbox_.find(envelope.id));
    const bool reached = row && row->state == storage::OutboxState::kDone;
    const auto [it, first] = whole.emplace(presentation.shown_to, reached);
    if (!first) it->second = it->second && reached;
  }
  return std::any_of(whole.begin(), whole.end(), [](const auto& person) { return person.second; });
}

Result<void> Desk::close_overdue(UnixTime now) {
  for (const QuestionState state : {QuestionState::kOpen, QuestionState::kApproved}) {
    TRY(const auto questions, approvals_.list(state));
    for (const Question& question : questions) {
      if (question.expires_at >= now) {
        // For open ones too: a process may have died between an answer and what follows from it.
        TRY(settle(question.id));
        continue;
      }
      TRY(const bool delivered, was_delivered(question.id));
      const QuestionState to = delivered || state == QuestionState::kApproved
                                   ? QuestionState::kExpired
                                   : QuestionState::kUndeliverable;
      TRY(Tx tx, Tx::begin(db_, Durability::kFull));
      TRY(approvals_.set_state(question.id, state, to, now));
      TRY(tell_outcome(question.id, storage::name_of(to),
                       state == QuestionState::kApproved
                           ? "your yes was not used in time; nothing was done"
                           : "nobody answered in time; nothing was done"));
      TRY(tx.commit());
      unprompt(question.id);
      outbox_filled_();
      TRY(const auto after, approvals_.get(question.id));
      if (after) changed_(*after);
    }
  }
  return {};
}

UnixTime Desk::next_deadline(UnixTime now) {
  UnixTime next = now + std::chrono::seconds{60};
  if (auto open = approvals_.list(QuestionState::kOpen))
    for (const Question& question : *open)
      next = std::min(next, question.expires_at + std::chrono::seconds{1});
  if (auto approved = approvals_.list(QuestionState::kApproved))
    for (const Question& question : *approved) {
      next = std::min(next, question.expires_at + std::chrono::seconds{1});
      if (question.changed_at + options_.hold > now)
        next = std::min(next, question.changed_at + options_.hold);
    }
  return std::max(next, now + std::chrono::seconds{1});
}

base::Task<void> Desk::watch_time() {
  // What ran out while this process was off is told where it was asked: find the inboxes first.
  co_await courier_.locate();
  for (;;) {
    const UnixTime now = clock_.now();
    if (auto closed = close_overdue(now); !closed)
      report_failure("cannot close overdue questions", closed.error());
    listen_for_references();
    co_await wake_.wait_for(next_deadline(now) - now);
  }
}

}  // namespace orchestration
