// Facts out of storage, each read the way the judgement means it.
#include "frostr/facts.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/approval.h"
#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "nipsa/tick.h"

namespace frostr {

using base::Errc;
using base::fail;

namespace {

constexpr base::seconds kHour{3600};
constexpr base::seconds kDay{86'400};
constexpr std::size_t kMaxLicences = 100;  // for one skill
constexpr std::size_t kMaxQuestions = 100;
constexpr base::seconds kDecisionAge{86'400};  // of a decision without an expiry of its own

// Scopes of the log.
constexpr std::string_view kPartial = "partial";
constexpr std::string_view kTickState = "tick-state";
constexpr std::string_view kApproval = "approval";
constexpr std::string_view kAnySign = "sign";

std::string kind_scope(nostr::Kind kind) {
  return fmt::format("kind:{}", kind);
}
std::string ecdh_scope(std::uint32_t idx) {
  return fmt::format("ecdh:{}", idx);
}
std::string message_scope(std::uint32_t idx) {
  return fmt::format("message:{}", idx);
}
std::string requester_scope(std::uint32_t idx) {
  return fmt::format("from:{}", idx);
}
std::string part_scope(const nostr::EventId& claim) {
  return "tick-part:" + claim.hex();
}
std::string repeat_scope(std::uint32_t idx) {
  return fmt::format("again:{}", idx);
}

std::uint32_t capped(std::int64_t count) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, 0xffff'ffff));
}

/// The address of an event that has no id yet.
std::optional<nostr::Address> address_of_unsigned(const nostr::UnsignedEvent& event) {
  nostr::Event probe;
  probe.pubkey = event.pubkey;
  probe.kind = event.kind;
  probe.tags = event.tags;
  return nostr::address_of(probe);
}

bool contains(const std::vector<nostr::PublicKey>& keys, const nostr::PublicKey& key) {
  return std::ranges::find(keys, key) != keys.end();
}

/// Reads a decision that travelled with the request: nullopt unless it says something about
/// `digest` that this policy lets its author say.
std::optional<OperatorFact> read_decision(const Policy& policy, const nostr::Event& event,
                                          const std::optional<nostr::PublicKey>& service,
                                          const nostr::Sha256& digest, UnixTime now) {
  // One operator's word is only the whole decision when one suffices.
  const bool by_operator = policy.quorum == 1 && contains(policy.operators, event.pubkey);
  const bool trusted =
      by_operator || contains(policy.decisions_from, event.pubkey) || event.pubkey == service;
  if (!trusted || !nostr::check(event)) return std::nullopt;
  const auto decision = nipsa::parse_approval_decision(event);
  if (!decision || decision->action_hash != digest) return std::nullopt;
  const UnixTime until = decision->expires.value_or(event.created_at + kDecisionAge);
  if (event.created_at > now + kStampFuture || now > until) return std::nullopt;
  const bool yes = decision->decision == nipsa::Decision::kApproved;
  return OperatorFact{.word = yes ? OperatorWord::kApproved : OperatorWord::kDenied,
                      .approval = decision->request,
                      .is_signed = by_operator};
}

}  // namespace

FactSource::FactSource(storage::Db& db, const GroupPackage& group,
                       std::optional<nostr::PublicKey> service, ApprovalBook* approvals)
    : group_(group), service_(service), approvals_(approvals), events_(db), log_(db), uses_(db) {}

Result<std::optional<Claim>> FactSource::live_claim(std::string_view id_hex,
                                                    const std::optional<nostr::PublicKey>& runner,
                                                    UnixTime now) {
  const std::optional<Claim> none;
  const auto id = nostr::EventId::from_hex(id_hex);
  if (!id || !runner) return none;
  TRY(const auto event, events_.get(*id));
  if (!event || event->pubkey != *runner || event->kind != nipsa::kinds::kTickRequest) return none;
  const auto request = nipsa::parse_tick_request(*event);
  if (!request || request->agent != group_.identity()) return none;
  if (event->created_at > now + kStampFuture) return none;

  Claim claim{*id, *runner, event->created_at, event->created_at + kClaimLife};
  nostr::Filter questions;
  questions.kinds = {nipsa::kinds::kApprovalRequest};
  questions.authors = {*runner};
  questions.tags['e'] = {id->hex()};
  TRY(const auto asked, events_.query({questions}, kMaxQuestions, now));
  for (const nostr::Event& question : asked) {
    const auto parsed = nipsa::parse_approval_request(question);
    if (parsed && parsed->tick == *id && question.created_at <= now + kStampFuture)
      claim.lives_until = std::max(claim.lives_until, parsed->expires + kClaimGrace);
  }
  if (now > claim.lives_until) return none;
  return std::optional<Claim>(claim);
}

Result<OperatorFact> FactSource::operator_fact(const Policy& policy, const nostr::Sha256& digest,
                                               const SignReason& reason, UnixTime now) {
  OperatorFact fact;
  if (approvals_ != nullptr) {
    TRY(const ApprovalFact own, approvals_->word_on(digest, now));
    if (own.word != OperatorWord::kNone)
      fact = {own.word, own.approval, std::nullopt, true, own.word_is_signed};
  }
  // What an operator signed outweighs the same word in a form that cannot be shown to others.
  const bool wants_more = fact.word == OperatorWord::kNone ||
                          (fact.word == OperatorWord::kApproved && !fact.is_signed);
  if (wants_more && reason.decision) {
    auto brought = read_decision(policy, *reason.decision, service_, digest, now);
    if (brought && fact.word == OperatorWord::kNone) fact = *std::move(brought);
    else if (brought && brought->word == OperatorWord::kDenied) fact.word = OperatorWord::kDenied;
    else if (brought) fact.is_signed = brought->is_signed;
  }
  if (fact.word == OperatorWord::kApproved) {
    TRY(fact.bound, log_.bound(kApproval, fact.approval->hex()));
  }
  return fact;
}

bool FactSource::trusts_issuer(const Policy& policy, const nostr::PublicKey& key) const {
  return contains(policy.ecdh.issuers, key) || key == service_;
}

/// What a licence is worth, given what stands in the store.
Result<LicenceState> FactSource::licence_now(const nostr::Event& licence, std::string_view tick,
                                             UnixTime now) {
  TRY(const auto kept, events_.insert(licence, now));
  const auto address = nostr::address_of(licence);
  if (!address) return LicenceState::kNone;
  TRY(const auto head, events_.head(*address));
  const LicenceState state =
      licence_state(licence, head, kept == storage::StoreOutcome::kDeleted, now);
  if (state != LicenceState::kLive) return state;
  const UnixTime midnight = base::unix_time(base::to_unix(now) / kDay.count() * kDay.count());
  TRY(const auto count, uses_.count(address->str(), tick, midnight));
  const LicenceUse use{static_cast<std::uint64_t>(count.uses),
                       static_cast<std::uint64_t>(count.since), count.counted};
  // Its issuer may have changed the limits since the requester got it.
  const bool newer = head && nostr::replaces(*head, licence);
  return licence_meter(newer ? *head : licence, use);
}

/// The best licence for `skill` ("33400:KEY:NAME") that the group holds.
Result<LicenceState> FactSource::licence_for(const Policy& policy, std::string_view skill,
                                             UnixTime now) {
  nostr::Filter filter;
  filter.kinds = {kLicenceKind};
  filter.authors = policy.ecdh.issuers;
  if (service_) filter.authors.push_back(*service_);
  filter.tags['a'] = {std::string(skill)};
  TRY(const auto found, events_.query({filter}, kMaxLicences, now));
  LicenceState best = LicenceState::kNone;
  for (const nostr::Event& licence : found) {
    if (!licence_is_for(licence, group_.identity())) continue;
    const LicenceState state = licence_state(licence, now);
    if (state == LicenceState::kLive) return state;
    if (best != LicenceState::kExpired) best = state;
  }
  return best;
}

Result<void> FactSource::count(const Policy& policy, const nostr::UnsignedEvent& event,
                               const nostr::EventId& id, UnixTime now, SignFacts& facts) {
  const auto uses = [&](std::string_view scope, base::seconds span) -> Result<std::uint32_t> {
    TRY(const auto number, log_.uses_since(scope, now - span, id.hex()));
    return capped(number);
  };
  const std::uint32_t idx = facts.requester.idx;
  TRY(facts.signed_last_hour, uses(kAnySign, kHour));
  TRY(facts.kind_last_hour, uses(kind_scope(event.kind), kHour));
  if (const KindRule* own = policy.kind(event.kind); own != nullptr && own->max_per_day != 0) {
    TRY(facts.kind_last_day, uses(kind_scope(event.kind), kDay));
  }
  if (facts.requester.max_per_hour != 0) {
    TRY(facts.requester_last_hour, uses(requester_scope(idx), kHour));
  }
  if (facts.signed_before) {
    TRY(facts.repeats_last_hour, uses(repeat_scope(idx), kHour));
  }
  if (moves_money(event.kind) && policy.spending.any()) {
    TRY(facts.spent_last_hour, log_.spent_since(now - kHour, id));
    TRY(facts.spent_last_day, log_.spent_since(now - kDay, id));
  }
  return {};
}

Result<FactSource::Sign> FactSource::for_sign(const Policy& policy,
                                              const nostr::UnsignedEvent& event,
                                              const Requester& requester, const LeaseFact& lease,
                                              const SignReason& reason, UnixTime now) {
  Sign known;
  SignFacts& facts = known.facts;
  const nostr::EventId id = nostr::compute_id(event);
  facts.now = now;
  facts.group = group_.identity();
  facts.requester = requester;
  facts.lease = lease;
  facts.ask_wanted = reason.ask;
  if (const auto address = address_of_unsigned(event); address && event.pubkey == facts.group) {
    TRY(facts.head, events_.head(*address));
    TRY(const auto signed_head, log_.head(*address));
    facts.address_taken = facts.head.has_value() || signed_head.has_value();
  }
  TRY(facts.claim, live_claim(reason.tick, requester.runner, now));
  if (facts.claim) {
    TRY(facts.state_of_claim, log_.bound(kTickState, facts.claim->id.hex()));
    TRY(const auto parts, log_.uses_since(part_scope(facts.claim->id), now - kDay, id.hex()));
    facts.parts_of_claim = capped(parts);
  }
  TRY(const auto before, log_.bound(kPartial, id.hex()));
  facts.signed_before = before.has_value();
  TRY(known.operator_fact, operator_fact(policy, nipsa::event_digest(event), reason, now));
  facts.word = known.operator_fact.word;
  facts.word_is_signed = known.operator_fact.is_signed;
  facts.bound = known.operator_fact.bound;
  facts.rendered_chars =
      approvals_ != nullptr ? approvals_->rendered_chars(event) : event.content.size();
  if (const KindRule* own = policy.kind(event.kind); own != nullptr && !own->licence.empty()) {
    TRY(facts.licence, licence_for(policy, own->licence, now));
  }
  TRY(count(policy, event, id, now, facts));
  return known;
}

Result<SignFacts> FactSource::for_blind(const Requester& requester, const LeaseFact& lease,
                                        UnixTime now) {
  SignFacts facts;
  facts.now = now;
  facts.group = group_.identity();
  facts.requester = requester;
  facts.lease = lease;
  TRY(const auto all, log_.uses_since(kAnySign, now - kHour));
  TRY(const auto theirs, log_.uses_since(requester_scope(requester.idx), now - kHour));
  facts.signed_last_hour = capped(all);
  facts.requester_last_hour = capped(theirs);
  return facts;
}

Result<EcdhFacts> FactSource::for_ecdh(const Policy& policy, const Requester& requester,
                                       const LeaseFact& lease, const EcdhReason& reason,
                                       UnixTime now) {
  EcdhFacts facts;
  facts.now = now;
  facts.group = group_.identity();
  facts.requester = requester;
  facts.lease = lease;
  for (const GroupMember& member : group_.members()) facts.members.push_back(member.identity());
  TRY(facts.claim, live_claim(reason.tick, requester.runner, now));
  for (const nostr::Event& event : reason.proof) {
    if (!nostr::check(event)) continue;
    facts.proof.push_back(event);
    if (!licence_is_for(event, facts.group) || !trusts_issuer(policy, event.pubkey)) continue;
    TRY(const LicenceState state, licence_now(event, reason.tick, now));
    facts.licences.push_back({event, state});
  }
  TRY(const auto uses, log_.uses_since(ecdh_scope(requester.idx), now - kHour));
  TRY(const auto messages, log_.uses_since(message_scope(requester.idx), now - kHour));
  facts.granted_last_hour = capped(uses);
  facts.messages_last_hour = capped(messages);
  return facts;
}

Result<void> FactSource::record_partial(const nostr::UnsignedEvent& event, const nostr::EventId& id,
                                        const Sign& known, const Verdict& verdict,
                                        std::string_view session, UnixTime now) {
  const std::uint32_t idx = known.facts.requester.idx;
  const auto bind_to = [&](std::string_view scope, const nostr::EventId& key) -> Result<void> {
    TRY(const auto holder, log_.bind(scope, key.hex(), id, now));
    if (holder != id)
      return fail(Errc::kConflict, fmt::format("{} is bound to {}", scope, holder.hex()));
    return {};
  };
  if (known.facts.signed_before) return log_.add_use(repeat_scope(idx), session, now);
  TRY(bind_to(kPartial, id));
  if (event.kind == nipsa::kinds::kState && known.facts.claim)
    TRY(bind_to(kTickState, known.facts.claim->id));
  if (is_state_part(event) && known.facts.claim)
    TRY(log_.add_use(part_scope(known.facts.claim->id), id.hex(), now));
  if (verdict.by_approval) {
    TRY(bind_to(kApproval, *known.operator_fact.approval));
    if (known.operator_fact.from_desk)
      TRY(approvals_->consume(*known.operator_fact.approval, id, now));
  }
  if (const auto address = address_of_unsigned(event))
    TRY(log_.advance_head(*address, {id, event.created_at}));
  if (moves_money(event.kind))
    TRY(log_.add_spending(id, amount_of(event).value_or(Msat{}), now));
  TRY(log_.add_use(kAnySign, id.hex(), now));
  TRY(log_.add_use(requester_scope(idx), id.hex(), now));
  return log_.add_use(kind_scope(event.kind), id.hex(), now);
}

Result<void> FactSource::record_blind(const nostr::EventId& hash, const Requester& requester,
                                      UnixTime now) {
  TRY(log_.add_use(requester_scope(requester.idx), hash.hex(), now));
  return log_.add_use(kAnySign, hash.hex(), now);
}

Result<void> FactSource::record_ecdh(const EcdhFacts& known, const EcdhReason& reason,
                                     const nostr::PublicKey& target, EcdhGrant grant,
                                     UnixTime now) {
  const std::uint32_t idx = known.requester.idx;
  const std::string ref = reason.tick + ":" + target.hex();
  if (grant == EcdhGrant::kMessage)
    TRY(log_.add_use(message_scope(idx), ref, now));
  if (grant == EcdhGrant::kLicence)
    for (const KnownLicence& licence : known.licences)
      if (names_content_key(licence.event, target))
        TRY(uses_.add(nostr::address_of(licence.event)->str(), reason.tick, now));
  return log_.add_use(ecdh_scope(idx), ref, now);
}

Result<void> FactSource::forget_old(UnixTime now) {
  TRY(log_.purge_uses(now - kDay - kHour));
  TRY(log_.purge_spending(now - kDay - kHour));
  return {};
}

nostr::Filters FactSource::refresh_filters(const Policy& policy,
                                           const nostr::UnsignedEvent* event,
                                           std::string_view tick) const {
  nostr::Filters filters;
  if (const auto id = nostr::EventId::from_hex(tick)) {
    nostr::Filter claim;
    claim.ids = {*id};
    filters.push_back(std::move(claim));
    nostr::Filter questions;
    questions.kinds = {nipsa::kinds::kApprovalRequest};
    questions.tags['e'] = {id->hex()};
    questions.limit = static_cast<std::uint32_t>(kMaxQuestions);
    filters.push_back(std::move(questions));
  }
  if (event == nullptr) return filters;
  if (const KindRule* own = policy.kind(event->kind); own != nullptr && !own->licence.empty()) {
    nostr::Filter licences;
    licences.kinds = {kLicenceKind};
    licences.tags['a'] = {own->licence};
    licences.limit = static_cast<std::uint32_t>(kMaxLicences);
    filters.push_back(std::move(licences));
  }
  if (const auto address = address_of_unsigned(*event)) {
    nostr::Filter head;
    head.kinds = {address->kind};
    head.authors = {address->pubkey};
    if (nostr::storage_class(address->kind) == nostr::StorageClass::kAddressable)
      head.tags['d'] = {address->d};
    head.limit = 1;
    filters.push_back(std::move(head));
  }
  return filters;
}

nostr::Filters FactSource::followed(const Policy& policy, UnixTime now) const {
  namespace sa = nipsa::kinds;
  nostr::Filter heads;
  heads.authors = {group_.identity()};
  heads.kinds = {nostr::kinds::kMetadata,
                 nostr::kinds::kRelayList,
                 nostr::kinds::kDmRelays,
                 sa::kProfile,
                 sa::kState,
                 nostr::kinds::kAppData,
                 sa::kSchedule,
                 sa::kGoals};
  nostr::Filter sessions;
  sessions.authors = {group_.identity()};
  sessions.kinds = {sa::kTrajectory};
  sessions.since = now - base::seconds(7 * 86'400);
  nostr::Filters filters{std::move(heads), std::move(sessions)};
  if (!policy.ecdh.issuers.empty()) {
    nostr::Filter licences;
    licences.authors = policy.ecdh.issuers;
    licences.kinds = {kLicenceKind};
    licences.tags['p'] = {group_.identity().hex()};
    filters.push_back(std::move(licences));
    nostr::Filter deletions;
    deletions.authors = policy.ecdh.issuers;
    deletions.kinds = {nostr::kinds::kDeletion};
    deletions.limit = 500;
    filters.push_back(std::move(deletions));
  }
  nostr::Filter claims;
  for (const Requester& requester : policy.requesters)
    if (requester.runner) claims.authors.push_back(*requester.runner);
  if (claims.authors.empty()) return filters;
  claims.kinds = {sa::kTickRequest, sa::kApprovalRequest};
  claims.since = now - base::seconds(86'400);
  filters.push_back(std::move(claims));
  return filters;
}

}  // namespace frostr
