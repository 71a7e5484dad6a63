// The approval desk: it asks the operators, understands whatever their client sends back, remembers,
// decides once, and tells the outcome. Used by the node for local actions and by a co-signer for
// events; the party that enforces is the party that asks.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nipsa/approval.h"
#include "nostr/client/feed.h"
#include "nostr/signer/key_signer.h"
#include "orchestration/approvals/courier.h"
#include "orchestration/approvals/fold.h"
#include "orchestration/approvals/heard.h"
#include "orchestration/approvals/orders.h"
#include "orchestration/approvals/prompter.h"
#include "storage/approvals.h"
#include "storage/cursors.h"
#include "storage/orders.h"
#include "storage/outbox.h"

namespace orchestration {

struct DeskOptions {
  std::string role = "node";              ///< "node" or "cosigner"; kept with each question
  std::string agent_name = "the agent";   ///< how questions call the agent
  std::vector<nostr::PublicKey> operators;
  std::uint32_t quorum = 1;               ///< distinct operators that must say yes
  std::vector<nostr::PublicKey> decisions_from;  ///< other desks whose 39213 counts
  std::vector<std::string> relays;        ///< where 39213 are read and published
  std::vector<std::string> inbox_relays;  ///< where answers to this key arrive
  std::chrono::seconds hold{5};           ///< between yes and decision when money moves
  std::int64_t hold_above_sats = 100;     ///< no hold up to this
  std::int64_t reaction_max_sats = 5000;  ///< above it a reaction, and any public word, is not enough
  bool public_mentions = false;           ///< also say for all to see that a question waits
  std::int64_t max_open = 20;             ///< questions open to one operator
  std::int64_t max_per_hour = 6;          ///< new questions to one operator
  /// Carries out an order that is not about questions and says what came of it, in a few lines. What
  /// changes something must be safe to carry out twice. Absent: there is nothing to order here.
  std::function<base::Result<std::string>(const Order&, const nostr::PublicKey& by)> carry_out;
};

/// One thing to ask. `request` is the 39212 that asks for it; its author is the requester.
struct Ask {
  nostr::Event request;
  nipsa::ApprovalRequest parsed;
  nostr::Sha256 digest;      ///< recomputed from the action, never taken from the request
  nostr::PublicKey agent;
  std::string action_class;  ///< "kind:1", "read_file", …
  std::string description;   ///< describe_event() or describe_action() of exactly what would happen
  std::string action_json;
  std::int64_t sats = 0;
  bool needs_proof = false;  ///< only a yes that an operator signs (39213) will do
};

/// App thread. start() before anything else; stop() before destruction.
class Desk {
 public:
  /// `changed` is called after every settled move of a question: approved (with its 39213
  /// committed), denied, expired, undeliverable, withdrawn. `outbox_filled` after messages were
  /// committed to the outbox. All references outlive the desk.
  Desk(base::Loop& loop, nostr::Pool& pool, const nostr::KeySigner& asker, storage::Db& db,
       const base::Clock& clock, base::Rng& rng, DeskOptions options,
       std::function<void(const storage::Question&)> changed, std::function<void()> outbox_filled);
  ~Desk();

  /// Apps of operators that are shown every question and sign the yes; call before start().
  void use_signer_apps(std::vector<PromptTarget> apps);
  /// How each operator would be asked now.
  std::vector<std::pair<nostr::PublicKey, Reach>> reach() const;
  void start();
  base::Task<void> stop();
  /// Other people decide from now on. Who is new is asked from the next question on; who is gone no
  /// longer counts, also for questions that are open.
  void set_roster(std::vector<nostr::PublicKey> operators, std::uint32_t quorum,
                  std::vector<nostr::PublicKey> decisions_from);

  /// From the next question and the next answer on.
  void set_rules(std::chrono::seconds hold, std::int64_t reaction_max_sats, bool public_mentions);

  /// Opens the question and commits the messages that ask it. A second request for the same open
  /// digest is the same question (success, nothing sent).
  /// Errors: kInvalid (another guardian, expired, misleading code, digest differs), kDenied (denied
  /// within the last hour), kConflict (this request is closed, or the action was done already), kLimit
  /// (too long to show, too many questions). Whoever asked is told with refuse().
  base::Task<base::Result<void>> ask(Ask ask);

  /// Publishes to `request`'s author that its question is not asked, and why: a stable word, then
  /// perhaps details. Nothing is decided by it. Call it in the Tx that closes the request.
  base::Result<void> refuse(const nostr::Event& request, std::string_view why);

  /// The decision for `digest` that may be acted on now: nullopt unless approved or denied, with
  /// the hold over and the time not up.
  base::Result<std::optional<storage::Decision>> decision(const nostr::Sha256& digest);

  /// The word of whoever sits at this machine, as good as a typed code. kNotFound, kConflict.
  base::Result<storage::Question> answer_here(const std::string& code, bool approve);
  /// Whether a private message of an operator answers a question of this desk, or is meant for it
  /// (a code, a bare refusal while something is open), rather than talk.
  base::Result<bool> expects(const Heard& heard);

  /// A word to every operator that asks nothing and takes no answer.
  base::Result<void> tell(const std::string& text);
  /// The requester gave up: the question is closed and the operators told.
  base::Result<void> cancel(const nostr::EventId& question);
  /// Tells the operators what came of it, once per question, in the channel it was asked in.
  base::Result<void> tell_outcome(const nostr::EventId& question, std::string_view outcome,
                                  std::string_view detail);

 private:
  void listen();
  void listen_for_references();
  bool on_events(std::span<const nostr::Delivery> batch);
  base::Result<void> consider(const Heard& heard, const std::string& relay);
  std::optional<storage::Signal> judge(const Heard& heard, const std::string& relay);
  void judge_text(const Heard& heard, storage::Signal& signal);
  void judge_time(const Heard& heard, storage::Signal& signal);
  storage::SignalVerdict verdict_on(const Heard& heard, const storage::Question& question,
                                    base::UnixTime now) const;
  void weigh(const Heard& heard, const storage::Question& question, storage::Signal& signal);
  base::Result<std::optional<nostr::EventId>> referred_question(const Heard& heard);
  base::Result<std::optional<nostr::EventId>> addressed_question(const nostr::Address& address);
  base::Result<bool> is_anything_open();
  void withdraw(const Heard& heard, const std::string& relay);
  base::Result<void> drop_what_is_not_asked_any_more(const Heard& heard);
  base::Result<bool> has_room(const storage::Signal& signal);
  base::Result<void> keep(const storage::Signal& signal);
  storage::Signal withdrawal(const Heard& heard, const std::string& relay, const storage::Signal& target) const;
  base::Result<bool> is_standing(const nostr::Sha256& digest);
  base::Result<void> settle(const nostr::EventId& question);
  base::Result<void> decide(const storage::Question& question, const storage::Signal& deciding, bool approved);
  base::Result<void> deny_all(const Heard& heard, const std::string& relay);
  void hint(const Heard& heard, std::string_view text);
  std::optional<Order> order_in(const Heard& heard) const;
  base::Result<void> obey(const Heard& heard, const std::string& relay, const Order& order);
  base::Result<void> answer_question_about(const Heard& heard, const Order& order);
  base::Result<void> change_by_order(const Heard& heard, const std::string& relay, const Order& order);
  base::Result<void> overtaken(const Heard& heard, const Order& order);
  base::Result<std::vector<std::string>> answer_to(const nostr::PublicKey& person, const Order& order);
  base::Result<std::string> carried_out(const Order& order, const nostr::PublicKey& by);
  bool may_order_again(const nostr::PublicKey& person, base::UnixTime now);
  base::Result<void> write_to(const nostr::PublicKey& person, const std::string& text, bool legacy);
  base::Result<void> show_question(const storage::Question& question, const Ask& ask);
  base::Result<Letter> write_part(const nostr::PublicKey& person, const std::string& part, bool legacy);
  base::Result<void> show(const storage::Question& question, const nostr::PublicKey& person,
                          const Letter& letter, int part);
  void prompt(const storage::Question& question);
  void unprompt(const nostr::EventId& question);
  void take_signed_yes(const nostr::Event& decision);
  void warn_of_eager_app(const nostr::PublicKey& user);
  base::Result<bool> writes_legacy(const nostr::EventId& question, const nostr::PublicKey& person);
  base::Result<void> check_ask(const Ask& ask);
  base::Task<void> watch_time();
  base::Task<void> tell_reach();
  base::Result<void> close_overdue(base::UnixTime now);
  base::Result<bool> was_delivered(const nostr::EventId& question);
  base::UnixTime next_deadline(base::UnixTime now);
  void report_failure(std::string_view what, const base::Error& error) const;
  bool is_operator(const nostr::PublicKey& key) const;
  bool may_answer(const storage::Question& question, const nostr::PublicKey& author, bool by_decision) const;

  base::Loop& loop_;
  nostr::Pool& pool_;
  const nostr::KeySigner& asker_;
  storage::Db& db_;
  storage::Approvals approvals_;
  storage::Outbox outbox_;
  storage::Orders orders_;
  storage::Cursors cursors_;
  const base::Clock& clock_;
  base::Rng& rng_;
  DeskOptions options_;
  std::function<void(const storage::Question&)> changed_;
  std::function<void()> outbox_filled_;
  Courier courier_;
  std::unique_ptr<Prompter> prompter_;
  std::unique_ptr<nostr::Feed> answers_;
  std::unique_ptr<nostr::Subscription> references_;  ///< what points at an open question
  std::map<nostr::PublicKey, base::UnixTime> hinted_;  ///< last hint to each operator
  std::map<nostr::PublicKey, std::deque<base::UnixTime>> ordered_;  ///< orders answered lately
  /// Operators' deletions, newest last: relays send stored events newest first, so what a deletion
  /// takes back may arrive after it.
  std::deque<std::pair<Heard, std::string>> deletions_;
  base::Signal wake_;
  base::Scope scope_;
};

}  // namespace orchestration
