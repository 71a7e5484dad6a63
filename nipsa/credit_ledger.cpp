// The fold over events of credit.
#include "nipsa/credit_ledger.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "nipsa/approval.h"

namespace nipsa {
namespace {

bool follows(EnvelopeStatus from, EnvelopeStatus to) {
  using enum EnvelopeStatus;
  if (from == to) return true;
  switch (from) {
    case kOffered:
      return to == kAccepted || to == kRevoked;
    case kAccepted:
      return to != kOffered;
    case kSpent:
      return to == kSettled || to == kDefaulted;
    case kSettled:
    case kRevoked:
    case kDefaulted:
      return false;
  }
  return false;
}

bool may_draw(EnvelopeStatus status) {
  return status == EnvelopeStatus::kAccepted || status == EnvelopeStatus::kSpent;
}

std::int64_t cost(const Draw& draw) {
  return draw.state == DrawState::kCancelled ? 0 : draw.amount.value + draw.fee.value;
}

/// What an amendment may change: the status, and the cap and the date downwards.
Result<void> check_amendment(const CreditAccount& account, const CreditEnvelope& next) {
  const CreditEnvelope& now = account.envelope;
  if (!follows(now.status, next.status))
    return fail(Code::kState, std::string(envelope_status_name(now.status)) + " is not followed by " +
                                  std::string(envelope_status_name(next.status)));
  // An envelope that ends says nothing else that counts.
  if (is_final(next.status)) return {};
  CreditEnvelope rest = next;
  rest.status = now.status;
  rest.max = now.max;
  rest.expires = now.expires;
  rest.revoke_reason = now.revoke_reason;
  rest.sealed = now.sealed;  // sealed anew, no two are alike
  if (rest != now)
    return fail(Code::kConflict, "an amendment may only change status, cap and date");
  if (next.max > now.max || next.expires > now.expires)
    return fail(Code::kState, "an amendment may only lower the cap and the date");
  if (next.max < account.committed())
    return fail(Code::kBudget, "the amendment is below what is drawn");
  return {};
}

/// Both speak of the same agent and of the same thing.
Result<void> check_same(const CreditEnvelope& envelope, const nostr::PublicKey& agent,
                        const Scope& scope) {
  if (agent != envelope.agent) return fail(Code::kConflict, "p is not the envelope's agent");
  if (scope != envelope.purpose.scope)
    return fail(Code::kConflict, "the scope is not the envelope's");
  return {};
}

Sat fee_of(const CreditEnvelope& envelope, Sat amount) {
  return envelope.fee ? envelope.fee->of(amount) : Sat{};
}

/// Whether `receipt` fits: `taken` is what its draw has set aside already.
Result<void> check_fits(const CreditAccount& account, const CreditReceipt& receipt,
                        std::int64_t taken) {
  if (account.envelope.fee && receipt.fee > fee_of(account.envelope, receipt.spent))
    return fail(Code::kBudget, "the fee is above the envelope's terms");
  const std::int64_t sum = receipt.spent.value + receipt.fee.value;
  if (account.committed().value - taken + sum > account.envelope.max.value)
    return fail(Code::kBudget, "the receipt is above what the envelope has left");
  return {};
}

Result<void> check_undecided(const Draw& draw) {
  if (draw.state == DrawState::kSettled) return fail(Code::kState, "the spend is settled");
  if (draw.state == DrawState::kCancelled) return fail(Code::kReplay, "the spend is cancelled");
  return {};
}

Result<void> settle(Draw& draw, const CreditReceipt& receipt, const nostr::EventId& id) {
  draw.amount = receipt.spent;
  draw.fee = receipt.fee;
  draw.state = DrawState::kSettled;
  draw.receipt = id;
  return {};
}

Result<void> settle_spend(CreditAccount& account, const CreditReceipt& receipt,
                          const nostr::EventId& id) {
  const auto at = account.draws.find(receipt.d);
  if (at == account.draws.end()) return fail(Code::kRef, "the spend is not known");
  Draw& draw = at->second;
  if (draw.receipt == id) return fail(Code::kReplay, "the receipt was counted");
  if (draw.state == DrawState::kSettled)
    return fail(Code::kConflict, "the spend has another receipt");
  if (draw.state == DrawState::kCancelled) return fail(Code::kState, "the spend is cancelled");
  if (draw.state == DrawState::kAwaiting)
    return fail(Code::kAuthz, "the guardian has not approved the spend");
  if (receipt.spent > draw.amount) return fail(Code::kBudget, "the receipt is above the spend");
  TRY(check_fits(account, receipt, cost(draw)));
  return settle(draw, receipt, id);
}

/// A receipt of its own: it draws and settles at once.
Result<void> settle_alone(CreditAccount& account, const CreditReceipt& receipt,
                          const nostr::EventId& id) {
  if (const auto at = account.draws.find(receipt.d); at != account.draws.end()) {
    if (at->second.receipt == id) return fail(Code::kReplay, "the receipt was counted");
    return fail(Code::kConflict, "another receipt has this d");
  }
  if (!may_draw(account.envelope.status))
    return fail(Code::kState, "the envelope is not open to draw from");
  if (account.draws.size() >= kMaxDrawsPerAccount)
    return fail(Code::kSize, "the envelope has too many draws");
  TRY(check_fits(account, receipt, 0));
  return settle(account.draws[receipt.d], receipt, id);
}

/// Order in which events of one second are tried.
int rank(nostr::Kind kind) {
  return kind == kinds::kApprovalDecision ? kinds::kCreditSpend * 2 + 1 : kind * 2;
}

}  // namespace

Sat CreditAccount::committed() const {
  std::int64_t sum = 0;  // draws are admitted up to the cap, so there is room
  for (const auto& [id, draw] : draws) sum += cost(draw);
  return {sum};
}

Sat CreditAccount::settled() const {
  std::int64_t sum = 0;
  for (const auto& [id, draw] : draws)
    if (draw.state == DrawState::kSettled) sum += cost(draw);
  return {sum};
}

Sat CreditAccount::remaining() const {
  if (!may_draw(envelope.status)) return {};
  return {std::max<std::int64_t>(0, envelope.max.value - committed().value)};
}

bool needs_guardian(const CreditEnvelope& envelope, const CreditSpend& spend) {
  return envelope.guardian && envelope.approval_threshold &&
         spend.amount >= *envelope.approval_threshold;
}

Result<void> check_spend(const CreditAccount& account, const CreditSpend& spend,
                         const nostr::PublicKey& author, UnixTime now) {
  const CreditEnvelope& envelope = account.envelope;
  if (spend.issuer != envelope.issuer || spend.envelope != envelope.id)
    return fail(Code::kRef, "the spend is of another envelope");
  if (author != envelope.agent) return fail(Code::kSigner, "the spend is not by the envelope's agent");
  if (envelope.status == EnvelopeStatus::kRevoked)
    return fail(Code::kRevoked, "the envelope is revoked");
  if (!may_draw(envelope.status)) return fail(Code::kState, "the envelope is not open to draw from");
  if (now >= envelope.expires) return fail(Code::kExpired, "the envelope has expired");
  if (now >= spend.expires) return fail(Code::kExpired, "the spend has expired");
  if (spend.purpose != envelope.purpose)
    return fail(Code::kAuthz, "the envelope is for something else");
  // The fee is set aside with the amount: otherwise a spend of all there is could never be settled.
  if (spend.amount.value + fee_of(envelope, spend.amount).value > account.remaining().value)
    return fail(Code::kBudget, "the spend and its fee are above what the envelope has left");
  return {};
}

CreditLedger::CreditLedger(std::vector<nostr::PublicKey> issuers) : issuers_(std::move(issuers)) {}

const CreditAccount* CreditLedger::find(const nostr::PublicKey& issuer,
                                        std::string_view envelope) const {
  const auto it = accounts_.find({issuer, std::string(envelope)});
  return it == accounts_.end() ? nullptr : &it->second;
}

std::vector<const CreditAccount*> CreditLedger::accounts() const {
  std::vector<const CreditAccount*> out;
  for (const auto& [key, account] : accounts_) out.push_back(&account);
  return out;
}

CreditAccount* CreditLedger::account(const nostr::PublicKey& issuer, std::string_view envelope) {
  const auto it = accounts_.find({issuer, std::string(envelope)});
  return it == accounts_.end() ? nullptr : &it->second;
}

Result<void> CreditLedger::apply(const nostr::Event& event, UnixTime received) {
  TRY(check_event(event, event.kind, received));
  switch (event.kind) {
    case kinds::kCreditEnvelope:
      return apply_envelope(event);
    case kinds::kCreditSpend:
      return apply_spend(event, received);
    case kinds::kCreditReceipt:
      return apply_receipt(event);
    case kinds::kCreditDefault:
      return apply_default(event);
    case kinds::kCreditCancel:
      return apply_cancel(event, received);
    case kinds::kApprovalDecision:
      return apply_decision(event, received);
    default:
      return fail(Code::kKind, "kind " + std::to_string(event.kind) + " changes no credit");
  }
}

Result<void> CreditLedger::apply_envelope(const nostr::Event& event) {
  TRY(auto next, parse_credit_envelope(event));
  if (std::ranges::find(issuers_, next.issuer) == issuers_.end())
    return fail(Code::kUntrusted, "the envelope is by an issuer that is not trusted");
  CreditAccount* known = account(next.issuer, next.id);
  if (known == nullptr) {
    if (accounts_.size() >= kMaxAccounts) return fail(Code::kSize, "the ledger has too many accounts");
    const Key key{next.issuer, next.id};
    accounts_.emplace(key, CreditAccount{.envelope = std::move(next),
                                         .head = event.id,
                                         .head_at = event.created_at,
                                         .draws = {},
                                         .default_notice = {},
                                         .lost = {}});
    return {};
  }
  const bool newer = std::tie(event.created_at, known->head) > std::tie(known->head_at, event.id);
  if (!newer) return fail(Code::kStale, "a newer version of the envelope is known");
  TRY(check_amendment(*known, next));
  if (is_final(next.status)) {
    known->envelope.status = next.status;
    known->envelope.revoke_reason = next.revoke_reason;
  } else {
    known->envelope = std::move(next);
  }
  known->head = event.id;
  known->head_at = event.created_at;
  return {};
}

Result<void> CreditLedger::apply_spend(const nostr::Event& event, UnixTime received) {
  TRY(const auto spend, parse_credit_spend(event));
  CreditAccount* of = account(spend.issuer, spend.envelope);
  if (of == nullptr) return fail(Code::kRef, "the envelope is not known");
  const std::string id = event.id.hex();
  if (of->draws.contains(id)) return fail(Code::kReplay, "the spend was counted");
  TRY(check_spend(*of, spend, event.pubkey, received));
  // A relay keeps one of two spends with one `d`, so two readers would count different ones.
  for (const auto& [other, draw] : of->draws)
    if (draw.d == spend.d) return fail(Code::kConflict, "another spend has this d");
  if (of->draws.size() >= kMaxDrawsPerAccount)
    return fail(Code::kSize, "the envelope has too many draws");
  of->draws.emplace(
      id, Draw{.d = spend.d,
               .amount = spend.amount,
               .fee = fee_of(of->envelope, spend.amount),
               .expires = spend.expires,
               .state = needs_guardian(of->envelope, spend) ? DrawState::kAwaiting
                                                            : DrawState::kCommitted,
               .receipt = {}});
  spends_.emplace(event.id, Key{spend.issuer, spend.envelope});
  return {};
}

Result<void> CreditLedger::apply_receipt(const nostr::Event& event) {
  TRY(const auto receipt, parse_credit_receipt(event));
  CreditAccount* of = account(receipt.issuer, receipt.envelope);
  if (of == nullptr) return fail(Code::kRef, "the envelope is not known");
  const CreditEnvelope& envelope = of->envelope;
  if (event.pubkey != envelope.issuer && event.pubkey != envelope.verifier)
    return fail(Code::kSigner, "the receipt is by neither issuer nor verifier");
  TRY(check_same(envelope, receipt.agent, receipt.purpose.scope));
  if (of->default_notice || envelope.status == EnvelopeStatus::kDefaulted)
    return fail(Code::kState, "the envelope is defaulted");
  return receipt.spend() ? settle_spend(*of, receipt, event.id)
                         : settle_alone(*of, receipt, event.id);
}

Result<void> CreditLedger::apply_default(const nostr::Event& event) {
  TRY(const auto notice, parse_credit_default(event));
  CreditAccount* of = account(notice.issuer, notice.envelope);
  if (of == nullptr) return fail(Code::kRef, "the envelope is not known");
  TRY(check_same(of->envelope, notice.agent, notice.purpose.scope));
  if (of->default_notice == event.id) return fail(Code::kReplay, "the default was counted");
  if (of->default_notice) return fail(Code::kConflict, "another notice declares the default");
  if (of->envelope.status == EnvelopeStatus::kOffered ||
      of->envelope.status == EnvelopeStatus::kSettled)
    return fail(Code::kState, "nothing of the envelope is owed");
  if (notice.loss > of->envelope.max) return fail(Code::kBudget, "the loss is above the cap");
  of->default_notice = event.id;
  of->lost = notice.loss;
  // One that was revoked after a part of it was spent stays revoked: both are final.
  if (of->envelope.status != EnvelopeStatus::kRevoked)
    of->envelope.status = EnvelopeStatus::kDefaulted;
  return {};
}

Result<void> CreditLedger::apply_cancel(const nostr::Event& event, UnixTime received) {
  TRY(const auto cancel, parse_credit_cancel(event));
  const auto spend = spends_.find(cancel.spend);
  if (spend == spends_.end()) return fail(Code::kRef, "the spend is not known");
  CreditAccount& of = accounts_.at(spend->second);
  const CreditEnvelope& envelope = of.envelope;
  if (cancel.envelope != envelope.id) return fail(Code::kConflict, "credit is not the spend's");
  if (event.pubkey != envelope.issuer && event.pubkey != envelope.guardian)
    return fail(Code::kAuthz, "only issuer and guardian may cancel a spend");
  if (of.default_notice || is_final(envelope.status))
    return fail(Code::kState, "the envelope has ended");
  if (!envelope.cancel_until || event.created_at >= *envelope.cancel_until ||
      received >= *envelope.cancel_until)
    return fail(Code::kExpired, "the spend is final");
  Draw& draw = of.draws.at(cancel.spend.hex());
  TRY(check_undecided(draw));
  draw.state = DrawState::kCancelled;
  return {};
}

Result<void> CreditLedger::apply_decision(const nostr::Event& event, UnixTime received) {
  TRY(const auto decision, parse_approval_decision(event));
  const auto spend = spends_.find(decision.request);
  if (spend == spends_.end()) return fail(Code::kRef, "the spend is not known");
  CreditAccount& of = accounts_.at(spend->second);
  if (event.pubkey != of.envelope.guardian)
    return fail(Code::kAuthz, "the decision is not the guardian's");
  Draw& draw = of.draws.at(decision.request.hex());
  if (draw.state != DrawState::kAwaiting) return fail(Code::kReplay, "the spend awaits no decision");
  if (!may_draw(of.envelope.status)) return fail(Code::kState, "the envelope is not open to draw from");
  const bool late = received >= draw.expires || (decision.expires && received > *decision.expires);
  if (late) return fail(Code::kExpired, "the decision came after the expiry");
  draw.state = decision.decision == Decision::kApproved ? DrawState::kCommitted
                                                        : DrawState::kCancelled;
  return {};
}

std::vector<RefusedEvent> fold_credit(CreditLedger& ledger, std::vector<Received> events) {
  std::ranges::sort(events, [](const Received& a, const Received& b) {
    return std::tuple(a.event.created_at, rank(a.event.kind), b.event.id) <
           std::tuple(b.event.created_at, rank(b.event.kind), a.event.id);
  });
  std::vector<RefusedEvent> refused;
  std::vector<RefusedEvent> unresolved;
  for (std::size_t before = events.size() + 1; events.size() < before;) {
    before = events.size();
    unresolved.clear();
    std::vector<Received> waiting;
    for (Received& one : events) {
      auto done = ledger.apply(one.event, one.at);
      if (done) continue;
      const bool later = code_of(done.error()) == Code::kRef;
      (later ? unresolved : refused).push_back({one.event.id, std::move(done).error()});
      if (later) waiting.push_back(std::move(one));
    }
    events = std::move(waiting);
  }
  refused.insert(refused.end(), std::make_move_iterator(unresolved.begin()),
                 std::make_move_iterator(unresolved.end()));
  return refused;
}

}  // namespace nipsa
