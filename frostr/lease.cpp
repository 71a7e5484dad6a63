// Proving, granting and keeping leases.
#include "frostr/lease.h"

#include <fmt/format.h>

namespace frostr {

using base::Errc;
using base::fail;
namespace json = base::json;

namespace {

constexpr std::size_t kProofPlace = 1;  // of the request's params
constexpr std::size_t kMaxNameChars = 64;
constexpr std::string_view kTag = "sovereign/lease-v1";

/// What a proof signs: everything the request is, and who says it to whom.
nostr::Sha256 lease_message(const LeaseClaim& claim, const RpcRequest& request,
                            const LeaseRoute& route) {
  const std::string_view body =
      request.params.empty() ? std::string_view() : std::string_view(request.params.front());
  json::Value signed_part = {route.group.id().hex(),
                             route.from.value,
                             route.to.value,
                             request.id,
                             request.method,
                             nostr::sha256(body).hex(),
                             claim.home,
                             claim.generation,
                             claim.boot};
  return nostr::tagged_hash(kTag, base::as_bytes(json::dump(signed_part)));
}

bool is_live(const storage::LeaseRow& row, UnixTime now) { return now < row.until; }

bool is_barred(const storage::LeaseRow& row, const LeaseClaim& claim, UnixTime now) {
  return !row.barred.empty() && row.barred == claim.home && now < row.barred_until;
}

bool is_holder(const storage::LeaseRow& row, const LeaseClaim& claim) {
  return row.home == claim.home && row.generation == claim.generation && row.boot == claim.boot;
}

/// Whether `claim` may have the lease of `row` now.
bool may_take(const storage::LeaseRow& row, const LeaseClaim& claim, UnixTime now) {
  if (is_barred(row, claim, now)) return false;
  if (!is_live(row, now) || is_holder(row, claim)) return true;
  return row.home == claim.home && claim.generation > row.generation;
}

LeaseFact fact_for(const std::optional<storage::LeaseRow>& row,
                   const std::optional<LeaseClaim>& claim, UnixTime now) {
  using State = LeaseFact::State;
  if (!claim) {
    if (row && is_live(*row, now)) return {State::kByOther, row->until};
    return {};
  }
  if (!row || may_take(*row, *claim, now)) return {State::kHeld, UnixTime{}};
  return {State::kByOther, std::max(row->until, is_barred(*row, *claim, now) ? row->barred_until
                                                                             : UnixTime{})};
}

LeaseChange change_of(const std::optional<storage::LeaseRow>& before, const LeaseClaim& claim,
                      UnixTime now) {
  const std::string who = fmt::format("home {} start {}", claim.home, claim.generation);
  if (!before || before->home.empty()) return {"granted", who};
  const std::string former = fmt::format("home {} start {}", before->home, before->generation);
  if (before->home == claim.home) return {"restarted", who + " after " + former};
  return {"taken-over", fmt::format("{} after {}, silent for {} s", who, former,
                                    std::max<std::int64_t>(0, (now - before->until).count()))};
}

}  // namespace

std::string seal_lease(const LeaseClaim& claim, const RpcRequest& request, const LeaseRoute& route,
                       const nostr::SecretKey& runner, base::Rng& rng) {
  const nostr::Signature signature = runner.sign(lease_message(claim, request, route), rng);
  return json::dump({{"home", claim.home},
                     {"generation", claim.generation},
                     {"boot", claim.boot},
                     {"sig", signature.hex()}});
}

std::optional<LeaseClaim> proven_lease(const RpcRequest& request, const LeaseRoute& route,
                                       const nostr::PublicKey& runner) {
  if (request.params.size() <= kProofPlace) return std::nullopt;
  const auto object =
      json::parse(request.params[kProofPlace], {.max_bytes = 1'024, .max_depth = 2});
  if (!object || !object->is_object()) return std::nullopt;
  const LeaseClaim claim{json::string_or(*object, "home"), json::int_or(*object, "generation"),
                         json::string_or(*object, "boot")};
  const auto signature = nostr::Signature::from_hex(json::string_or(*object, "sig"));
  if (!signature || claim.home.empty() || claim.home.size() > kMaxNameChars ||
      claim.boot.empty() || claim.boot.size() > kMaxNameChars || claim.generation < 0)
    return std::nullopt;
  if (!nostr::verify(runner, lease_message(claim, request, route), *signature)) return std::nullopt;
  return claim;
}

Result<LeaseFact> LeaseDesk::look(const Requester& requester,
                                  const std::optional<LeaseClaim>& claim, UnixTime now) {
  TRY(const auto row, rows_.get(requester.idx));
  return fact_for(row, claim, now);
}

Result<LeaseDesk::Used> LeaseDesk::use(const Requester& requester,
                                       const std::optional<LeaseClaim>& claim, base::seconds ttl,
                                       UnixTime now) {
  TRY(const auto row, rows_.get(requester.idx));
  Used used{fact_for(row, claim, now), std::nullopt};
  if (used.fact.state != LeaseFact::State::kHeld || !requester.runner) return used;
  used.fact.until = now + ttl;
  if (row && is_live(*row, now) && is_holder(*row, *claim)) {
    // A row for every third of its life is enough: the file need not move at each request.
    if (row->until - now < ttl - ttl / 3) {
      TRY(rows_.renew(requester.idx, used.fact.until));
    } else {
      used.fact.until = row->until;
    }
    return used;
  }
  used.change = change_of(row, *claim, now);
  storage::LeaseRow next = row.value_or(storage::LeaseRow{.member = requester.idx});
  next.runner = *requester.runner;
  next.home = claim->home;
  next.generation = claim->generation;
  next.boot = claim->boot;
  next.since = now;
  next.until = used.fact.until;
  TRY(rows_.put(next));
  return used;
}

Result<void> LeaseDesk::release(const Requester& requester, const LeaseClaim& claim, UnixTime now) {
  TRY(auto row, rows_.get(requester.idx));
  if (!row || !is_live(*row, now) || !is_holder(*row, claim)) return {};
  row->until = now;
  return rows_.put(*row);
}

Result<storage::LeaseRow> LeaseDesk::revoke(std::uint32_t member, base::seconds bar, UnixTime now) {
  TRY(auto row, rows_.get(member));
  if (!row || !is_live(*row, now))
    return fail(Errc::kNotFound, fmt::format("nobody holds the lease of member {}", member),
                "sovereign cosigner lease list");
  const storage::LeaseRow ended = *row;
  row->until = now;
  row->barred = row->home;
  row->barred_until = now + bar;
  TRY(rows_.put(*row));
  return ended;
}

}  // namespace frostr
