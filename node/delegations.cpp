#include "node/delegations.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/credit_ledger.h"
#include "nipsa/kinds.h"
#include "node/skill_evidence.h"
#include "nostr/nips/nip09.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::UnixTime;
using nipsa::GivenDelegation;
using nostr::Event;
using nostr::EventId;
using State = DelegationFinding::State;
namespace kinds = nipsa::kinds;

constexpr std::chrono::seconds kPatience{8};
constexpr std::uint32_t kMaxListed = 100;
constexpr std::uint32_t kMaxBeside = 500;
constexpr std::uint32_t kMaxCreditEvents = 500;

/// What relays have; nothing is concluded from silence.
Task<Result<std::vector<Event>>> ask(nostr::Pool& pool, std::vector<std::string> relays,
                                     nostr::Filters filters) {
  const nostr::FetchResult found =
      co_await pool.fetch(std::move(relays), std::move(filters), kPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  std::vector<Event> out;
  for (const nostr::EventPtr& event : found.events) out.push_back(*event);
  co_return out;
}

Result<GivenDelegation> read(const Event& event, UnixTime now) {
  TRY(nipsa::check_event(event, kinds::kDelegation, now));
  TRY(nipsa::Delegation delegation, nipsa::parse_delegation(event));
  return GivenDelegation{event, std::move(delegation)};
}

bool taken_back(const Event& event, const std::vector<Event>& deletions) {
  return std::ranges::any_of(deletions,
                             [&](const Event& one) { return nostr::deletes(one, event); });
}

/// From the root down to `given`. E_REF for one above that nobody has, E_AUTHZ for too many.
Task<Result<std::vector<GivenDelegation>>> chain_of(nostr::Pool& pool,
                                                    std::vector<std::string> relays,
                                                    GivenDelegation given, UnixTime now) {
  std::vector<GivenDelegation> chain{std::move(given)};
  while (chain.front().delegation.parent) {
    if (chain.size() == nipsa::kMaxDelegationDepth)
      co_return nipsa::fail(nipsa::Code::kAuthz, "delegations are over three deep");
    nostr::Filters filters{{.ids = {*chain.front().delegation.parent}}};
    CO_TRY(const auto found, co_await ask(pool, relays, std::move(filters)));
    if (found.empty())
      co_return nipsa::fail(nipsa::Code::kRef, "the delegation above it is on no relay");
    CO_TRY(GivenDelegation above, read(found.front(), now));
    chain.insert(chain.begin(), std::move(above));
  }
  CO_TRY(nipsa::check_delegation_chain(chain));
  co_return chain;
}

Task<Result<std::vector<Event>>> deletions_of(nostr::Pool& pool, std::vector<std::string> relays,
                                              std::vector<GivenDelegation> chain) {
  nostr::Filters filters;
  for (const GivenDelegation& link : chain) {
    nostr::Filter by_id{.authors = {link.event.pubkey}, .kinds = {nostr::kinds::kDeletion}};
    by_id.tags['e'] = {link.event.id.hex()};
    nostr::Filter by_address{.authors = {link.event.pubkey}, .kinds = {nostr::kinds::kDeletion}};
    by_address.tags['a'] = {
        nostr::Address{kinds::kDelegation, link.event.pubkey, link.delegation.d}.str()};
    filters.push_back(std::move(by_id));
    filters.push_back(std::move(by_address));
  }
  co_return co_await ask(pool, std::move(relays), std::move(filters));
}

bool was_given_before(const Event& a, const Event& b) {
  return a.created_at != b.created_at ? a.created_at < b.created_at : a.id < b.id;
}

/// Whether a delegation stands on relays already, or is about to be given.
enum class Giving { kGiven, kAboutTo };

/// What `child`'s author gave on under `parent` up to `child`: whoever came too late does not undo
/// the others.
Task<Result<void>> check_sum(nostr::Pool& pool, std::vector<std::string> relays,
                             GivenDelegation parent, GivenDelegation child, UnixTime now,
                             Giving giving) {
  nostr::Filters filters{
      {.authors = {child.event.pubkey}, .kinds = {kinds::kDelegation}, .limit = kMaxBeside}};
  CO_TRY(const auto found, co_await ask(pool, std::move(relays), std::move(filters)));
  std::vector<GivenDelegation> children{child};
  for (const Event& event : found) {
    auto beside = read(event, now);
    if (!beside || beside->delegation.parent != parent.event.id ||
        beside->event.id == child.event.id)
      continue;
    if (giving == Giving::kAboutTo || was_given_before(beside->event, child.event))
      children.push_back(*std::move(beside));
  }
  co_return nipsa::check_children(parent, children);
}

/// The version the scope names must stand, be its delegate's own and not taken back (C54).
Task<Result<void>> check_skill(nostr::Pool& pool, std::vector<std::string> relays,
                               nipsa::Delegation delegation, UnixTime now) {
  CO_TRY(const auto skill, nipsa::skill_of(delegation.scope));
  CO_TRY(const SkillEvidence evidence,
         co_await find_evidence(pool, std::move(relays), skill.skill, std::nullopt));
  if (!evidence.head) co_return nipsa::fail(nipsa::Code::kRef, "no relay has the skill's manifest");
  CO_TRY(const nipsa::Manifest manifest, nipsa::parse_manifest(*evidence.head));
  if (taken_back(*evidence.head, evidence.deletions))
    co_return nipsa::fail(nipsa::Code::kRevoked, "the skill was taken back");
  co_return nipsa::check_delegated_skill(delegation, manifest, /*proved=*/false, now);
}

/// Whether the root's own credit covers the sum. Whoever issued it, it is the delegator who answers
/// for it.
Task<Result<void>> check_credit(nostr::Pool& pool, std::vector<std::string> relays,
                                GivenDelegation root, nipsa::Delegation given, UnixTime now) {
  nostr::Filter envelope{.kinds = {kinds::kCreditEnvelope}, .limit = kMaxCreditEvents};
  envelope.tags['d'] = {root.delegation.credit};
  envelope.tags['p'] = {root.event.pubkey.hex()};
  nostr::Filters filters{std::move(envelope)};
  CO_TRY(const auto found, co_await ask(pool, relays, std::move(filters)));
  std::vector<nostr::PublicKey> issuers;
  for (const Event& event : found)
    if (std::ranges::find(issuers, event.pubkey) == issuers.end()) issuers.push_back(event.pubkey);
  if (issuers.empty()) co_return nipsa::fail(nipsa::Code::kRef, "no relay has the credit it names");
  if (issuers.size() > 1)
    co_return nipsa::fail(nipsa::Code::kAmbiguous, "several issuers have a credit of that name");
  nostr::Filter spends{
      .authors = {root.event.pubkey}, .kinds = {kinds::kCreditSpend}, .limit = kMaxCreditEvents};
  nostr::Filter says{.authors = issuers,
                     .kinds = {kinds::kCreditEnvelope, kinds::kCreditReceipt, kinds::kCreditDefault,
                               kinds::kCreditCancel},
                     .limit = kMaxCreditEvents};
  nostr::Filters more{std::move(spends), std::move(says)};
  CO_TRY(const auto told, co_await ask(pool, std::move(relays), std::move(more)));
  nipsa::CreditLedger ledger(issuers);
  std::vector<nipsa::Received> events;
  for (const Event& event : told) events.push_back({event, std::min(event.created_at, now)});
  static_cast<void>(nipsa::fold_credit(ledger, std::move(events)));
  const nipsa::CreditAccount* account = ledger.find(issuers.front(), root.delegation.credit);
  if (account == nullptr)
    co_return nipsa::fail(nipsa::Code::kRef, "the credit it names does not stand");
  co_return nipsa::check_delegated_money(given, account->remaining(),
                                         account->envelope.approval_threshold);
}

/// Everything but dates and deletions.
Task<Result<void>> check_rules(nostr::Pool& pool, std::vector<std::string> relays,
                               std::vector<GivenDelegation> chain, UnixTime now, Giving giving) {
  for (std::size_t i = 1; i < chain.size(); ++i) {
    const bool last = i + 1 == chain.size();
    CO_TRY(co_await check_sum(pool, relays, chain[i - 1], chain[i], now,
                              last ? giving : Giving::kGiven));
  }
  const nipsa::Delegation& given = chain.back().delegation;
  if (given.scope.type == nipsa::ScopeType::kSkill)
    CO_TRY(co_await check_skill(pool, relays, given, now));
  if (!given.credit.empty()) CO_TRY(co_await check_credit(pool, relays, chain.front(), given, now));
  co_return Result<void>{};
}

bool may_change(const base::Error& error) {
  return !nipsa::code_of(error).has_value();
}

}  // namespace

std::string_view delegation_state_name(State state) {
  switch (state) {
    case State::kLive:
      return "live";
    case State::kExpired:
      return "expired";
    case State::kRevoked:
      return "revoked";
    case State::kInvalid:
      return "invalid";
  }
  return "invalid";
}

base::json::Value delegation_view(const DelegationFinding& finding) {
  const nipsa::Delegation& one = finding.given.delegation;
  base::json::Value out = {
      {"id", finding.given.event.id.hex()},
      {"from", finding.given.event.pubkey.hex()},
      {"to", one.delegate.hex()},
      {"scope", fmt::format("{}:{}", nipsa::scope_type_name(one.scope.type), one.scope.id)},
      {"credit", one.credit},
      {"capabilities", one.capabilities},
      {"expires_at", base::to_unix(one.expires)},
      {"depth", finding.chain.size()},
      {"task", one.task},
      {"state", delegation_state_name(finding.state)},
      {"why", finding.why}};
  if (one.max_amount) out["max_sat"] = one.max_amount->value;
  if (one.parent) out["parent"] = one.parent->hex();
  return out;
}

Task<Result<DelegationFinding>> judge_delegation(nostr::Pool& pool, std::vector<std::string> relays,
                                                 Event event, UnixTime now) {
  DelegationFinding out;
  CO_TRY(out.given, read(event, now));
  const auto settle = [&](State state, std::string why) {
    out.state = state;
    out.why = std::move(why);
    return out;
  };
  auto chain = co_await chain_of(pool, relays, out.given, now);
  if (!chain && may_change(chain.error())) co_return std::unexpected(std::move(chain).error());
  if (!chain) co_return settle(State::kInvalid, chain.error().detail);
  out.chain = *std::move(chain);
  CO_TRY(const auto deletions, co_await deletions_of(pool, relays, out.chain));
  for (const GivenDelegation& link : out.chain) {
    if (taken_back(link.event, deletions))
      co_return settle(State::kRevoked, link.event.id == event.id ? "it was taken back"
                                                                  : "one above it was taken back");
    if (now >= link.delegation.expires) co_return settle(State::kExpired, "its time is over");
  }
  auto checked = co_await check_rules(pool, std::move(relays), out.chain, now, Giving::kGiven);
  if (!checked && may_change(checked.error()))
    co_return std::unexpected(std::move(checked).error());
  if (!checked) co_return settle(State::kInvalid, checked.error().detail);
  co_return settle(State::kLive, "");
}

Task<Result<DelegationFinding>> find_delegation(nostr::Pool& pool, std::vector<std::string> relays,
                                                EventId id, UnixTime now) {
  nostr::Filters filters{{.ids = {id}, .kinds = {kinds::kDelegation}}};
  CO_TRY(const auto found, co_await ask(pool, relays, std::move(filters)));
  if (found.empty()) co_return fail(Errc::kNotFound, "no relay has that delegation");
  co_return co_await judge_delegation(pool, std::move(relays), found.front(), now);
}

Task<Result<std::vector<DelegationFinding>>> list_delegations(nostr::Pool& pool,
                                                              std::vector<std::string> relays,
                                                              std::optional<nostr::PublicKey> from,
                                                              std::optional<nostr::PublicKey> to,
                                                              UnixTime now) {
  nostr::Filter filter{.kinds = {kinds::kDelegation}, .limit = kMaxListed};
  if (from) filter.authors = {*from};
  if (to) filter.tags['p'] = {to->hex()};
  nostr::Filters filters{std::move(filter)};
  CO_TRY(auto found, co_await ask(pool, relays, std::move(filters)));
  if (found.size() > kMaxListed) found.resize(kMaxListed);
  std::vector<DelegationFinding> out;
  for (const Event& event : found) {
    auto judged = co_await judge_delegation(pool, relays, event, now);
    if (judged)
      out.push_back(*std::move(judged));
    else if (may_change(judged.error()))
      co_return std::unexpected(std::move(judged).error());
  }
  co_return out;
}

Task<Result<nostr::Draft>> delegation_draft(nostr::Pool& pool, std::vector<std::string> relays,
                                            nostr::PublicKey author, nipsa::Delegation wanted,
                                            UnixTime now) {
  CO_TRY(nostr::Draft draft, nipsa::build_delegation(wanted, now));
  const nostr::UnsignedEvent event = nostr::with_author(draft, author);
  GivenDelegation given{{.id = nostr::compute_id(event),
                         .pubkey = author,
                         .created_at = event.created_at,
                         .kind = event.kind,
                         .tags = event.tags,
                         .content = event.content},
                        wanted};
  std::vector<GivenDelegation> chain;
  if (wanted.parent) {
    CO_TRY(DelegationFinding above, co_await find_delegation(pool, relays, *wanted.parent, now));
    if (above.state != State::kLive)
      co_return nipsa::fail(
          nipsa::Code::kAuthz,
          fmt::format("the one above it is {}: {}", delegation_state_name(above.state), above.why));
    chain = std::move(above.chain);
  }
  chain.push_back(std::move(given));
  CO_TRY(nipsa::check_delegation_chain(chain));
  CO_TRY(co_await check_rules(pool, std::move(relays), std::move(chain), now, Giving::kAboutTo));
  co_return draft;
}

Task<Result<nostr::Draft>> revocation_draft(nostr::Pool& pool, std::vector<std::string> relays,
                                            nostr::PublicKey author, EventId id, std::string reason,
                                            UnixTime now) {
  nostr::Filters filters{{.ids = {id}, .kinds = {kinds::kDelegation}}};
  CO_TRY(const auto found, co_await ask(pool, std::move(relays), std::move(filters)));
  if (found.empty()) co_return fail(Errc::kNotFound, "no relay has that delegation");
  if (found.front().pubkey != author)
    co_return fail(Errc::kDenied, "only who gave it can take it back");
  co_return nostr::build_deletion(found, std::move(reason), now);
}

Result<nipsa::Delegation> delegation_from(const base::json::Value& params, base::Rng& rng) {
  const auto id_in = [&](const char* name) -> Result<std::optional<EventId>> {
    const std::string hex = base::json::string_or(params, name);
    if (hex.empty()) return std::optional<EventId>();
    auto id = EventId::from_hex(hex);
    if (!id) return std::unexpected(base::in_context(name, std::move(id).error()));
    return std::optional(*id);
  };
  nipsa::Delegation out{.d = nipsa::random_d("del-", rng)};
  TRY(out.delegate, nostr::PublicKey::from_hex(base::json::string_or(params, "to")));
  TRY(out.scope, parse_scope(base::json::string_or(params, "scope")));
  out.task = base::json::string_or(params, "task");
  out.credit = base::json::string_or(params, "credit");
  out.expires = base::unix_time(base::json::int_or(params, "expires_at"));
  if (const std::int64_t sum = base::json::int_or(params, "max_sat"); sum != 0)
    out.max_amount = nipsa::Sat{sum};
  std::vector<std::string> names;
  for (const base::json::Value& name : params.value("capabilities", base::json::Value::array()))
    if (name.is_string()) names.push_back(name.get<std::string>());
  TRY(out.capabilities, nipsa::normal_capabilities(names));
  TRY(out.parent, id_in("under"));
  TRY(out.parent_session, id_in("parent_session"));
  return out;
}

Result<nipsa::Scope> parse_scope(std::string_view text) {
  const std::size_t colon = text.find(':');
  nipsa::Scope out;
  bool known = false;
  for (const nipsa::ScopeType type :
       {nipsa::ScopeType::kNip90, nipsa::ScopeType::kL402, nipsa::ScopeType::kSkill}) {
    if (text.substr(0, colon) != nipsa::scope_type_name(type)) continue;
    out.type = type;
    known = colon != text.npos;
  }
  if (!known)
    return fail(Errc::kInvalid, fmt::format("\"{}\" is no scope", text.substr(0, 80)),
                "nip90:JOB-HASH, l402:RESOURCE or skill:33400:KEY:SLUG:VERSION");
  out.id = text.substr(colon + 1);
  TRY(nipsa::check_scope(out));
  return out;
}

}  // namespace node
