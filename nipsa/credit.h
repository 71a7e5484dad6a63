// Kinds 39240 to 39246: credit an issuer opens for an agent, and what is drawn from it (nip-sa 3.15).
//
// Codecs only. Whether a spend is covered, and what is left, is credit_ledger.h's to say.
#pragma once

#include "nipsa/kinds.h"
#include "nipsa/scope.h"

namespace nipsa {

inline constexpr std::size_t kMaxEnvelopeId = 128;    ///< bytes: `<id>:default` and `a` stay short
inline constexpr std::size_t kMaxCreditText = 500;    ///< characters of a need, a reason, an outcome
inline constexpr std::uint32_t kMaxFeeBps = 10'000;

/// What an amount is for: a scope and, for a skill, the manifest it stands on.
struct Purpose {
  Scope scope;
  std::optional<nostr::EventId> manifest;
  friend bool operator==(const Purpose&, const Purpose&) = default;
};

/// What the issuer charges: a part of what is spent, or a sum.
struct Fee {
  std::uint32_t bps = 0;  ///< hundredths of a percent
  Sat flat;
  /// Of `spent`, a started satoshi charged whole.
  Sat of(Sat spent) const;
  /// "200bps" or "60".
  std::string str() const;
  friend bool operator==(const Fee&, const Fee&) = default;
};
/// E_NUM for anything but those two forms, over 10000 bps or over 21 million bitcoin.
Result<Fee> parse_fee(std::string_view text);

/// How something is paid: a rail and a mint, an invoice hash or the like.
struct Rail {
  std::string name;  ///< empty: not said, which is lightning
  std::string ref;
  friend bool operator==(const Rail&, const Rail&) = default;
};

/// 39240, by the agent: what it would borrow for.
struct CreditIntent {
  std::string d;  ///< random_d("int-", rng)
  Purpose purpose;
  Sat max;
  UnixTime expires;
  std::optional<nostr::PublicKey> provider;
  Rail spend_rail;
  std::string need;
  Sat estimate;
  std::optional<UnixTime> deadline;
  std::string notes;
  friend bool operator==(const CreditIntent&, const CreditIntent&) = default;
};
Result<nostr::Draft> build_credit_intent(const CreditIntent& intent, UnixTime at);
Result<CreditIntent> parse_credit_intent(const nostr::Event& event);

/// 39241, by an issuer: what it would lend for an intent.
struct CreditOffer {
  nostr::EventId intent;
  nostr::PublicKey agent;
  nostr::PublicKey issuer;  ///< the author
  std::optional<nostr::PublicKey> lp;
  Purpose purpose;
  Sat max;
  Fee fee;
  UnixTime expires;
  bool requires_verifier = false;
  friend bool operator==(const CreditOffer&, const CreditOffer&) = default;
};
Result<nostr::Draft> build_credit_offer(const CreditOffer& offer, UnixTime at);
/// E_SIGNER when the issuer tag names another key than the author; E_CONFLICT when tags and content
/// differ in fee or maximum.
Result<CreditOffer> parse_credit_offer(const nostr::Event& event);

enum class EnvelopeStatus { kOffered, kAccepted, kSpent, kSettled, kRevoked, kDefaulted };
std::string_view envelope_status_name(EnvelopeStatus status);
/// Whether nothing follows on `status`.
bool is_final(EnvelopeStatus status);

/// 39242, by the issuer: the credit itself, amended under one address.
struct CreditEnvelope {
  std::string id;  ///< the `d`
  nostr::PublicKey agent;
  nostr::PublicKey issuer;  ///< the author
  std::optional<nostr::PublicKey> lp;
  std::optional<nostr::PublicKey> provider;  ///< who may be paid from it
  std::optional<nostr::PublicKey> verifier;  ///< who else may write receipts
  Purpose purpose;
  Sat max;  ///< of all spends together
  UnixTime expires;
  EnvelopeStatus status = EnvelopeStatus::kOffered;
  Rail repay;
  Rail spend_rail;
  std::string cashu_keyset;
  std::optional<nostr::PublicKey> guardian;
  std::optional<Sat> approval_threshold;  ///< spends from here on need the guardian's 39213
  std::optional<UnixTime> cancel_until;   ///< without one a spend is final at once
  std::string revoke_reason;
  std::optional<Fee> fee;  ///< the terms, where they are in clear
  std::string sealed;      ///< the terms as NIP-44 of the issuer to the agent
  nostr::Address address() const { return {kinds::kCreditEnvelope, issuer, id}; }
  friend bool operator==(const CreditEnvelope&, const CreditEnvelope&) = default;
};
/// E_TAG_DUP for terms both in clear and sealed.
Result<nostr::Draft> build_credit_envelope(const CreditEnvelope& envelope, UnixTime at);
/// As an offer's. A status we do not know is read as revoked.
Result<CreditEnvelope> parse_credit_envelope(const nostr::Event& event);
/// The terms, to be sealed or opened by whoever has the key.
std::string encode_credit_terms(const Fee& fee);
Result<std::optional<Fee>> decode_credit_terms(std::string_view plaintext);

/// 39243, by the agent: so much of an envelope, now.
struct CreditSpend {
  std::string d;  ///< random_d("sp-", rng)
  nostr::PublicKey issuer;
  std::string envelope;
  Purpose purpose;
  Sat max;
  Sat amount;  ///< not over `max`
  UnixTime expires;
  std::string reason;
  friend bool operator==(const CreditSpend&, const CreditSpend&) = default;
};
/// Expires for relays kEphemeralTtl after `at`; for the issuer at `expires`.
Result<nostr::Draft> build_credit_spend(const CreditSpend& spend, UnixTime at);
/// E_CONFLICT when the address names another envelope than issuer and id.
Result<CreditSpend> parse_credit_spend(const nostr::Event& event);

/// 39244, by the issuer or the envelope's verifier: what was paid.
struct CreditReceipt {
  std::string d;  ///< the id of the spend, or `<envelope>:<n>` where there is none
  std::string envelope;
  nostr::PublicKey agent;
  nostr::PublicKey issuer;
  std::optional<nostr::PublicKey> provider;
  Purpose purpose;
  std::optional<nostr::EventId> result;  ///< what was paid for
  Rail repay;
  Sat spent;  ///< > 0
  Sat fee;
  std::string outcome;
  std::string notes;
  /// The spend it settles.
  std::optional<nostr::EventId> spend() const;
  friend bool operator==(const CreditReceipt&, const CreditReceipt&) = default;
};
Result<nostr::Draft> build_credit_receipt(const CreditReceipt& receipt, UnixTime at);
Result<CreditReceipt> parse_credit_receipt(const nostr::Event& event);

/// 39245, by the issuer: the credit is lost.
struct CreditDefault {
  std::string envelope;
  nostr::PublicKey agent;
  nostr::PublicKey issuer;  ///< the author
  Purpose purpose;
  std::string reason;  ///< never empty
  Sat loss;            ///< > 0
  friend bool operator==(const CreditDefault&, const CreditDefault&) = default;
};
Result<nostr::Draft> build_credit_default(const CreditDefault& notice, UnixTime at);
Result<CreditDefault> parse_credit_default(const nostr::Event& event);

/// 39246, by the guardian or the issuer: a spend is taken back before it is final.
struct CreditCancel {
  nostr::EventId spend;
  std::string envelope;
  std::string reason;
  friend bool operator==(const CreditCancel&, const CreditCancel&) = default;
};
Result<nostr::Draft> build_credit_cancel(const CreditCancel& cancel, UnixTime at);
Result<CreditCancel> parse_credit_cancel(const nostr::Event& event);

}  // namespace nipsa
