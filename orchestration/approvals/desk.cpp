// The desk itself: whom it asks, what it listens to, and what time ends. Asking, deciding and the meaning of
// answers are in files of their own.
#include "orchestration/approvals/desk.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "nostr/nips/nip19.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"

namespace orchestration {
namespace {

using base::Result;
using base::UnixTime;
using storage::Durability;
using storage::Question;
using storage::QuestionState;
using storage::Tx;

constexpr std::chrono::seconds kLookBack{86'400};
constexpr std::size_t kMaxReferences = 500;  // ids one filter asks for
constexpr std::chrono::seconds kReferenceOverlap{300};

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
