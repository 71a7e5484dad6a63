// Approvals: the desk's memory — questions, what was shown to whom, what came back, what was decided.
//
// Used by the node for local actions and by a co-signer for events; each in its own database.
// States and verdicts are words of the design; who may say yes is not decided here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "storage/events.h"

namespace storage {

/// Life of a question. Legal moves (everything else is kConflict):
///   open     → approved denied expired withdrawn cancelled undeliverable
///   approved → consumed denied open expired withdrawn cancelled
///   denied   → approved open      (a newer typed yes, or the denial withdrawn, while it lives)
/// approved → consumed happens only in consume(), together with the binding of the event.
enum class QuestionState {
  kOpen, kApproved, kConsumed, kDenied, kExpired, kWithdrawn, kCancelled, kUndeliverable
};
enum class SignalStrength { kA, kB };  ///< typed text, 39213, CLI · reactions
enum class SignalVerdict {
  kAccepted, kNotAnApprover, kUnknownCode, kClosed, kAmbiguous, kDuplicate, kLate, kOtherDigest
};
enum class Answer { kApprove, kDeny, kWithdraw, kNone };
/// How far an outgoing message has come; it is committed before it is sent.
enum class SendState { kStored, kSent, kDelivered, kFailed };

template <>
struct EnumText<QuestionState> {
  static constexpr std::array<std::string_view, 8> kNames{
      "open", "approved", "consumed", "denied", "expired", "withdrawn", "cancelled", "undeliverable"};
};
template <>
struct EnumText<SignalStrength> {
  static constexpr std::array<std::string_view, 2> kNames{"A", "B"};
};
template <>
struct EnumText<SignalVerdict> {
  static constexpr std::array<std::string_view, 8> kNames{
      "accepted", "not-an-approver", "unknown-code", "closed",
      "ambiguous", "duplicate", "late", "other-digest"};
};
template <>
struct EnumText<Answer> {
  static constexpr std::array<std::string_view, 4> kNames{"approve", "deny", "withdraw", "none"};
};
template <>
struct EnumText<SendState> {
  static constexpr std::array<std::string_view, 4> kNames{"stored", "sent", "delivered", "failed"};
};

/// One question about one action. Immutable after add() except for state and changed_at.
struct Question {
  EventId id;                ///< the 39212
  nostr::Sha256 digest;      ///< action_hash
  std::string code;          ///< "XXXX-XXXX"
  std::string asker;         ///< role that asks: "node" or "cosigner"
  PublicKey agent;
  std::string tick;          ///< id or slot of the tick, "" when none
  PublicKey requester;       ///< author of the 39212
  std::string action_class;  ///< e.g. "kind:1", "shell"
  std::string summary;       ///< the text shown, whole
  std::string action_json;   ///< the unsigned event or the local action
  std::string request_json;  ///< the 39212 event as received or published
  std::int64_t sats = 0;
  int required = 1;          ///< distinct approvers needed
  std::vector<PublicKey> operators;
  UnixTime created_at;
  UnixTime expires_at;
  QuestionState state = QuestionState::kOpen;
  UnixTime changed_at;       ///< time of the last move
  bool needs_proof = false;  ///< only a yes that an operator signed (39213) counts
};

/// One message that showed (a part of) the question to one operator.
struct Presentation {
  EventId id;           ///< rumor or event id, what replies and reactions point at
  EventId question;
  std::string channel;  ///< "nip17", "nip04", "public", …
  PublicKey shown_to;
  int part = 1;
  std::string rumor_json;
  std::string wrap_json;  ///< the event that goes to the relay; re-sent as is
  SendState sent = SendState::kStored;
  UnixTime created_at;
};

/// One answer, whoever sent it, with what it was judged to be.
struct Signal {
  EventId id;                       ///< event or rumor id, unique
  std::optional<EventId> question;  ///< nullopt when it matched none
  PublicKey author;
  std::string channel;
  SignalStrength strength = SignalStrength::kA;
  Answer answer = Answer::kNone;
  SignalVerdict verdict = SignalVerdict::kUnknownCode;
  std::optional<EventId> refers_to;  ///< for a withdrawal: the signal it takes back
  UnixTime said_at;                  ///< t_s: created_at of the event or rumor
  UnixTime received_at;
  std::string relay;
  std::string raw_json;              ///< the signal and, if it came wrapped, `wrap_json`
  std::string wrap_json;
};

/// What was decided: the 39213 (or the local record) that says so.
struct Decision {
  EventId id;  ///< the 39213's id
  EventId question;
  nostr::Sha256 digest;
  bool approved = false;
  PublicKey decided_by;
  std::optional<EventId> signal;  ///< the answer that tipped it; nullopt for expiry and policy
  std::string event_json;
  UnixTime decided_at;
};

/// The outcome told to one operator in the channel of the question.
struct Receipt {
  EventId id;  ///< rumor id
  EventId question;
  PublicKey told_to;
  std::string channel;
  std::string outcome;     ///< e.g. "done", "denied", "expired"
  std::string rumor_json;  ///< re-sent byte for byte
  std::string wrap_json;
  SendState sent = SendState::kStored;
  UnixTime created_at;
};

/// How many questions ended so, and by which channel the answer came that decided ("" for none).
struct ApprovalTally {
  QuestionState state = QuestionState::kOpen;
  std::string channel;
  std::int64_t count = 0;
};

/// Whether a move of set_state() is legal; consume() has its own rule.
bool may_move(QuestionState from, QuestionState to);

/// App thread. Everything that changes state is kFull; calls join the caller's Tx if one is open.
class Approvals {
 public:
  explicit Approvals(Db& db) : db_(db) {}

  /// Writes an open question with its operators. kConflict when the id is known or another question
  /// of this digest is open or approved (nothing is written then).
  Result<void> add(const Question& question);
  /// Moves a question; kConflict when it is not in `from` or the move is not legal.
  Result<void> set_state(const EventId& id, QuestionState from, QuestionState to, UnixTime now);
  /// approved → consumed, and binds the digest to `event` in the same commit. kConflict when it is
  /// not approved, has expired, or the digest is bound to another event.
  Result<void> consume(const EventId& id, const EventId& event, UnixTime now);
  /// Binds `digest` to `event` once; returns what it is bound to: `event`, or the earlier one.
  Result<EventId> bind_event(const nostr::Sha256& digest, const EventId& event, UnixTime now);
  Result<std::optional<EventId>> bound_event(const nostr::Sha256& digest);
  /// Expires open and approved questions with expires_at < now; the questions as they are after.
  Result<std::vector<Question>> expire(UnixTime now);

  Result<std::optional<Question>> get(const EventId& id);
  /// The newest question of `digest`, in any state.
  Result<std::optional<Question>> latest(const nostr::Sha256& digest);
  /// Questions of that code, newest first: two share one only by accident or malice.
  Result<std::vector<Question>> by_code(std::string_view code);
  /// Questions in `state`, oldest first.
  Result<std::vector<Question>> list(QuestionState state, std::size_t limit = 1000);
  /// Codes of every question, newest first: what a person may have been shown.
  Result<std::vector<std::string>> codes(std::size_t limit = 500);
  /// Every question, newest first.
  Result<std::vector<Question>> history(std::size_t limit = 100);
  /// What became of the newest `limit` questions, those that are open left out.
  Result<std::vector<ApprovalTally>> tally(std::size_t limit = 1'000);
  /// How long operators took for what they decided themselves of the newest `limit` questions.
  Result<std::vector<std::chrono::seconds>> answer_times(std::size_t limit = 1'000);
  /// When a question of `digest` was last denied at or after `since`, whatever came later.
  Result<std::optional<UnixTime>> denied_since(const nostr::Sha256& digest, UnixTime since);
  /// Questions that name `operator_key`: now open, and created at or after `since`.
  Result<std::int64_t> open_for(const PublicKey& operator_key);
  Result<std::int64_t> asked_since(const PublicKey& operator_key, UnixTime since);

  /// Before the message leaves.
  Result<void> add_presentation(const Presentation& presentation);
  Result<void> set_presentation_sent(const EventId& id, SendState sent);
  Result<std::vector<Presentation>> presentations(const EventId& question);
  Result<std::optional<Presentation>> presentation(const EventId& id);
  Result<std::vector<Presentation>> presentations_in(SendState sent, std::size_t limit = 1000);

  /// Journals an answer before its effect; false when the id is known (a second copy).
  Result<bool> add_signal(const Signal& signal);
  Result<bool> has_signal(const EventId& id);
  Result<std::optional<Signal>> signal(const EventId& id);
  /// By which of "nip17" and "nip04" this person wrote last; nullopt when neither.
  Result<std::optional<std::string>> last_private_channel(const PublicKey& author);
  /// All signals of a question by (said_at, id).
  Result<std::vector<Signal>> signals(const EventId& question);

  Result<void> add_decision(const Decision& decision);
  Result<std::vector<Decision>> decisions(const EventId& question);
  Result<std::optional<Decision>> decision_for(const nostr::Sha256& digest);  ///< the newest

  /// Commits a receipt before it is sent. If this operator has one for this question already, that
  /// one is returned and nothing is written.
  Result<Receipt> add_receipt(const Receipt& receipt);
  Result<void> set_receipt_sent(const EventId& id, SendState sent);
  Result<std::vector<Receipt>> receipts(const EventId& question);
  Result<std::vector<Receipt>> receipts_in(SendState sent, std::size_t limit = 1000);

 private:
  Result<std::optional<Question>> with_operators(std::optional<Question> question);
  Result<std::vector<Question>> with_operators(std::vector<Question> questions);
  Db& db_;
};

}  // namespace storage
