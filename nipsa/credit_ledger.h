// Credit as it stands: the events of kinds 39242 to 39246 and the guardian's 39213, folded into one
// account per envelope (nip-sa 4.8).
//
// What holds whatever comes in and in whatever order: the draws of an envelope never exceed its cap, an
// event counts once, and what is settled, cancelled, revoked or defaulted stays so.
#pragma once

#include <map>

#include "nipsa/credit.h"

namespace nipsa {

inline constexpr std::size_t kMaxAccounts = 4'096;        ///< of one ledger
inline constexpr std::size_t kMaxDrawsPerAccount = 4'096;

enum class DrawState {
  kAwaiting,   ///< the guardian has not decided: its amount is set aside, nobody may act on it
  kCommitted,  ///< admitted
  kSettled,    ///< a receipt says what it came to
  kCancelled,  ///< cancelled or denied: nothing of it counts
};

/// A spend, or a receipt that names none.
struct Draw {
  std::string d;  ///< of the spend; unique within its envelope
  Sat amount;     ///< what was asked for, and once settled what was spent
  Sat fee;        ///< what is set aside for the fee, and once settled what was charged
  UnixTime expires;
  DrawState state = DrawState::kCommitted;
  std::optional<nostr::EventId> receipt;
};

struct CreditAccount {
  CreditEnvelope envelope;  ///< its newest lawful version
  nostr::EventId head;      ///< the event of that version
  UnixTime head_at;
  std::map<std::string, Draw> draws;            ///< by id of the spend, or by `d` of a receipt without
  std::optional<nostr::EventId> default_notice;
  Sat lost;

  /// What all draws take of the cap, fees and what awaits a decision included.
  Sat committed() const;
  /// What of it was spent and charged.
  Sat settled() const;
  /// What a further draw may take; nothing once the envelope is not accepted.
  Sat remaining() const;
};

class CreditLedger {
 public:
  /// Envelopes of other issuers are E_UNTRUSTED.
  explicit CreditLedger(std::vector<nostr::PublicKey> issuers);

  /// Folds in one event that this party first saw at `received`: the date its author gives decides no
  /// deadline alone. Signature, id and date are checked here.
  /// Errors change nothing: E_REF when what it refers to is not known yet, E_REPLAY and E_STALE for what
  /// was counted before, E_BUDGET above the cap, E_STATE for a step the envelope's life does not have,
  /// E_SIGNER, E_AUTHZ, E_EXPIRED, E_REVOKED, E_CONFLICT, E_SIZE when a bound of this file is reached.
  Result<void> apply(const nostr::Event& event, UnixTime received);

  /// The account of an envelope; ids are the issuer's own, so both name it. nullptr when unknown.
  const CreditAccount* find(const nostr::PublicKey& issuer, std::string_view envelope) const;
  /// Every account, by issuer and id; valid until the next apply().
  std::vector<const CreditAccount*> accounts() const;
  std::size_t size() const { return accounts_.size(); }

 private:
  using Key = std::pair<nostr::PublicKey, std::string>;
  CreditAccount* account(const nostr::PublicKey& issuer, std::string_view envelope);
  Result<void> apply_envelope(const nostr::Event& event);
  Result<void> apply_spend(const nostr::Event& event, UnixTime received);
  Result<void> apply_receipt(const nostr::Event& event);
  Result<void> apply_default(const nostr::Event& event);
  Result<void> apply_cancel(const nostr::Event& event, UnixTime received);
  Result<void> apply_decision(const nostr::Event& event, UnixTime received);

  std::vector<nostr::PublicKey> issuers_;
  std::map<Key, CreditAccount> accounts_;
  std::map<nostr::EventId, Key> spends_;  ///< which envelope a spend is of
};

/// Whether `account` covers `spend` by `author` now: E_SIGNER for another agent, E_STATE, E_REVOKED,
/// E_EXPIRED at either date, E_AUTHZ for another purpose, E_BUDGET above what remains. An agent asks
/// before it signs one, a provider before it serves one.
Result<void> check_spend(const CreditAccount& account, const CreditSpend& spend,
                         const nostr::PublicKey& author, UnixTime now);
/// Whether the guardian must approve `spend`.
bool needs_guardian(const CreditEnvelope& envelope, const CreditSpend& spend);

/// An event and when this party first saw it.
struct Received {
  nostr::Event event;
  UnixTime at;
};
struct RefusedEvent {
  nostr::EventId id;
  base::Error error;
};
/// Folds in `events` in whatever order they arrived: by date, what refers before what it refers to
/// tried again. What was refused and why.
std::vector<RefusedEvent> fold_credit(CreditLedger& ledger, std::vector<Received> events);

}  // namespace nipsa
