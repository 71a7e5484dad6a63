// The co-signer's work on sign and ecdh: session checks, the event, the verdict, then one
// transaction, then the partial signature.
#include <algorithm>

#include <fmt/format.h>

#include "frostr/cosigner.h"
#include "frostr/frost/ecdh.h"
#include "frostr/reject.h"
#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"

namespace frostr {

using base::Errc;
using base::fail;
namespace json = base::json;

/// What a sign request comes to once it was read: an event, or a bare hash.
struct Cosigner::SignCall {
  std::optional<nostr::UnsignedEvent> event;
  std::size_t json_bytes = 0;
  std::optional<FactSource::Sign> known;
  const Requester* requester = nullptr;
  Verdict verdict;
};

namespace {

bool ascending(const std::vector<ShareIndex>& members) {
  const auto as_text = [](ShareIndex idx) { return std::to_string(idx.value); };
  return std::ranges::is_sorted(members, std::ranges::less_equal{}) ||
         // The stock coordinator sorts indices as text.
         std::ranges::is_sorted(members, std::ranges::less_equal{}, as_text);
}

nostr::EventId as_event_id(const nostr::Sha256& hash) {
  return nostr::EventId(hash.array());
}

}  // namespace

std::optional<std::string> Cosigner::check_members(ShareIndex from,
                                                   const std::vector<ShareIndex>& members) const {
  std::vector<ShareIndex> distinct = members;
  std::ranges::sort(distinct);
  if (std::ranges::adjacent_find(distinct) != distinct.end()) return "members: one is named twice";
  if (!ascending(members)) return "members: not sorted";
  for (const ShareIndex idx : members)
    if (group_.find(idx) == nullptr)
      return fmt::format("members: {} is not in the group", idx.value);
  if (members.size() < group_.threshold())
    return fmt::format("members: {} are below the threshold {}", members.size(),
                       group_.threshold());
  if (std::ranges::find(members, share_.idx) == members.end())
    return "members: we are not among them";
  if (std::ranges::find(members, from) == members.end())
    return "members: the requester is not among them";
  return std::nullopt;
}

const WireNonce* Cosigner::our_nonce(const SignRequest& request) const {
  const auto it = std::ranges::find(request.nonces, share_.idx, &MemberNonce::idx);
  return it == request.nonces.end() ? nullptr : &it->nonce;
}

std::optional<std::string> Cosigner::check_session(ShareIndex from, const SignRequest& request,
                                                   base::UnixTime now) const {
  if (request.hashes.size() != 1)
    return fmt::format("one-hash-only: {} in one session", request.hashes.size());
  if (!request.hashes.front().tweaks.empty()) return "tweaks: the group key is signed for as it is";
  if (request.gid != group_.id()) return "gid: not this group";
  if (auto problem = check_members(from, request.members)) return problem;
  if (compute_session_id(request) != request.sid) return "sid: does not match the session";
  const UnixTime stamp = base::unix_time(request.stamp);
  if (stamp < now - options_.stamp_window || stamp > now + options_.stamp_window)
    return fmt::format("stamp: {} at {}", request.stamp, base::to_unix(now));
  if (request.nonces.size() != request.members.size()) return "nonces: not one for each member";
  for (const ShareIndex idx : request.members)
    if (std::ranges::count(request.nonces, idx, &MemberNonce::idx) != 1)
      return fmt::format("nonces: not exactly one of member {}", idx.value);
  return std::nullopt;
}

Result<Cosigner::SignCall> Cosigner::read_event(const SignRequest& request) const {
  SignCall call;
  if (!request.content) return call;
  call.json_bytes = request.content->size();
  if (call.json_bytes > kMaxEventBytes)
    return fail(Errc::kLimit, fmt::format("too-large-to-cosign: {} bytes, limit {}",
                                          call.json_bytes, kMaxEventBytes));
  auto event = nostr::parse_unsigned_event(base::as_text(*request.content));
  if (!event) return fail(Errc::kInvalid, "malformed: content is no unsigned event");
  if (nostr::compute_id(*event) != as_event_id(request.hashes.front().sighash))
    return fail(Errc::kInvalid, "wrong-sighash: the event has another id");
  call.event = *std::move(event);
  return call;
}

Cosigner::Answer Cosigner::on_sign(ShareIndex from, const RpcRequest& rpc, base::UnixTime now,
                                   Look look) {
  const auto refuse = [&](std::string reason) -> Answer {
    if (auto written = audit(from, "sign", "refused", reason, std::nullopt, std::nullopt, now);
        !written)
      return {.reject = retry_text("storage")};
    return {.reject = refused_text(reason)};
  };
  const auto request = parse_sign_request(rpc.params.empty() ? std::string() : rpc.params.front());
  if (!request) return refuse("malformed: " + request.error().detail);
  const WireNonce* nonce = our_nonce(*request);
  Answer result;
  const Requester* requester = policy_.requester(from.value);
  if (requester == nullptr) {
    result = refuse("not-a-requester");
  } else if (auto problem = check_session(from, *request, now)) {
    result = refuse(*std::move(problem));
  } else if (const auto lease = use_lease(from, *requester, rpc, now)) {
    result = judge_and_sign(from, *requester, *lease, *request, now, look);
  } else {
    result = {.reject = retry_text("storage")};
  }
  // Whatever was not signed leaves its nonce unusable on both sides.
  if (!result.data && !result.refresh && nonce != nullptr) {
    if (!nonces_.discard(from, nonce->code, now)) return {.reject = retry_text("storage")};
  }
  return result;
}

/// Fills in the verdict on `call`; an error is one of storage.
Result<void> Cosigner::judge_call(const Requester& requester, const LeaseFact& lease,
                                  const SignRequest& request, base::UnixTime now, SignCall& call) {
  call.requester = &requester;
  if (!call.event) {
    TRY(const SignFacts facts, facts_.for_blind(requester, lease, now));
    call.verdict = judge_blind(policy_, request.hashes.front().sighash, facts);
    return {};
  }
  const SignReason reason = request.reason.value_or(SignReason{});
  TRY(call.known, facts_.for_sign(policy_, *call.event, requester, lease, reason, now));
  call.verdict = judge(policy_, *call.event, call.json_bytes, call.known->facts);
  return {};
}

Cosigner::Answer Cosigner::judge_and_sign(ShareIndex from, const Requester& requester,
                                          const LeaseFact& lease, const SignRequest& request,
                                          base::UnixTime now, Look look) {
  const auto reject = [&](std::string_view verdict, const std::string& reason, std::string text,
                          std::optional<nostr::Sha256> digest) -> Answer {
    const auto id =
        request.content ? std::optional(as_event_id(request.hashes.front().sighash)) : std::nullopt;
    if (auto written = audit(from, "sign", verdict, reason, digest, id, now); !written)
      return {.reject = retry_text("storage")};
    return {.reject = std::move(text)};
  };
  const auto refuse = [&](const std::string& reason, std::optional<nostr::Sha256> digest) {
    return reject("refused", reason, refusal_text(reason, lease.until), digest);
  };

  auto call = read_event(request);
  if (!call) return refuse(call.error().detail, request.hashes.front().sighash);
  if (!judge_call(requester, lease, request, now, *call)) return {.reject = retry_text("storage")};
  switch (call->verdict.outcome) {
    case Verdict::Outcome::kRefuse:
      if (look == Look::kFirst && call->event && may_be_stale_view(call->verdict.reason)) {
        const std::string tick = request.reason.value_or(SignReason{}).tick;
        return {.refresh = facts_.refresh_filters(policy_, &*call->event, tick)};
      }
      return refuse(call->verdict.reason, call->verdict.digest);
    case Verdict::Outcome::kAsk:
      return reject("ask", "needs the operator", approval_required_text(call->verdict.digest),
                    call->verdict.digest);
    case Verdict::Outcome::kSign:
      break;
  }

  const WireNonce* nonce = our_nonce(request);
  const NonceCommitment* issued = nonces_.find(from, nonce->code);
  if (issued == nullptr)
    return reject("retry", "unknown nonce", retry_text("unknown-nonce"), call->verdict.digest);
  if (*issued != nonce->commitment) return refuse("nonces: ours is altered", call->verdict.digest);
  auto data = spend_and_sign(from, request, *call, now);
  if (data) return {.data = *std::move(data)};
  if (data.error().code == Errc::kDatabase || data.error().code == Errc::kIo)
    return {.reject = retry_text("storage")};
  const std::string word =
      data.error().code == Errc::kConflict ? "already-consumed: " : "session: ";
  return refuse(word + data.error().detail, call->verdict.digest);
}

Result<json::Value> Cosigner::spend_and_sign(ShareIndex from, const SignRequest& request,
                                             const SignCall& call, base::UnixTime now) {
  const nostr::Sha256& sighash = request.hashes.front().sighash;
  std::vector<Signer> signers;
  for (const MemberNonce& nonce : request.nonces)
    signers.push_back({nonce.idx, nonce.nonce.commitment});
  TRY(const auto context,
      SigningContext::create(KeyContext(group_.group_pk()), sighash.view(), std::move(signers)));
  const NonceCode code = our_nonce(request)->code;
  const std::size_t held = nonces_.issued_after(from, code);

  TRY(auto tx, storage::Tx::begin(db_, storage::Durability::kFull));
  TRY(NoncePair pair, nonces_.take(from, code, request.sid, sighash, now));
  const nostr::EventId id = as_event_id(sighash);
  if (call.event) {
    TRY(facts_.record_partial(*call.event, id, *call.known, call.verdict, request.sid.hex(), now));
  } else {
    TRY(facts_.record_blind(id, *call.requester, now));
  }
  TRY(audit(from, "sign", "signed", call.event ? fmt::format("kind {}", call.event->kind) : "blind",
            call.verdict.digest, id, now));
  TRY(tx.commit());
  // From here the nonce can never be used again, whatever happens to this process.
  FAILPOINT("cosign.spent");
  if (call.verdict.by_approval) FAILPOINT("cosign.approval-spent");
  TRY(const Scalar z, context.sign_partial(std::move(pair), share_));

  SignAnswer answer{share_.idx, group_.find(share_.idx)->pubkey, request.sid, code, {{sighash, z}},
                    {}};
  if (auto fresh = nonces_for(from, held, now)) answer.replenish = *std::move(fresh);
  json::Value data = to_data(answer);
  if (own_ != nullptr && !answer.replenish.empty())
    data["batch"] = own_->sign_batch(from, answer.replenish).hex();
  return data;
}

Cosigner::Answer Cosigner::on_ecdh(ShareIndex from, const RpcRequest& rpc, base::UnixTime now,
                                   Look look) {
  LeaseFact lease;
  const auto refuse = [&](const std::string& reason) -> Answer {
    if (auto written = audit(from, "ecdh", "refused", reason, std::nullopt, std::nullopt, now);
        !written)
      return {.reject = retry_text("storage")};
    return {.reject = refusal_text(reason, lease.until)};
  };
  const auto request = parse_ecdh_request(rpc.params.empty() ? std::string() : rpc.params.front());
  if (!request) return refuse("malformed: " + request.error().detail);
  const Requester* requester = policy_.requester(from.value);
  if (requester == nullptr) return refuse("not-a-requester");
  if (request->idx != from) return refuse("idx: not the sender's own");
  if (auto problem = check_members(from, request->members)) return refuse(*problem);
  if (request->entries.size() != 1)
    return refuse(fmt::format("one-target-only: {} in one request", request->entries.size()));
  const EcdhTarget& target = request->entries.front().target;
  const EcdhReason reason = request->reason.value_or(EcdhReason{});
  const auto used = use_lease(from, *requester, rpc, now);
  if (!used) return {.reject = retry_text("storage")};
  lease = *used;
  const auto facts = facts_.for_ecdh(policy_, *requester, lease, reason, now);
  if (!facts) return {.reject = retry_text("storage")};
  const EcdhVerdict verdict = judge_ecdh(policy_, target.x_only(), *facts);
  if (!verdict.grants()) {
    if (look == Look::kFirst && may_be_stale_view(verdict.reason))
      return {.refresh = facts_.refresh_filters(policy_, nullptr, reason.tick)};
    return refuse(verdict.reason);
  }
  const auto record = [&]() -> Result<Point> {
    // The record of the grant is durable anyway: said here, one commit does it instead of two.
    TRY(auto tx, storage::Tx::begin(db_, storage::Durability::kFull));
    TRY(facts_.record_ecdh(*facts, reason, target.x_only(), *verdict.grant, now));
    TRY(audit(from, "ecdh", "granted", grant_name(*verdict.grant), std::nullopt, std::nullopt,
              now));
    TRY(tx.commit());
    return ecdh_key_share(share_, request->members, target);
  };
  const auto key_share = record();
  if (!key_share) return {.reject = retry_text("storage")};
  EcdhPackage answer{share_.idx, request->members, {EcdhEntry{target, *key_share}}, std::nullopt};
  return {.data = to_data(answer)};
}

Result<Explained> explain(FactSource& facts, const Policy& policy,
                          const nostr::UnsignedEvent& event, ShareIndex requester,
                          const SignReason& reason, base::UnixTime now) {
  const Requester* rule = policy.requester(requester.value);
  if (rule == nullptr)
    return fail(Errc::kDenied, fmt::format("not-a-requester: member {}", requester.value),
                "name it in [[requesters]]");
  const LeaseFact holder{LeaseFact::State::kHeld, now};
  TRY(const auto known, facts.for_sign(policy, event, *rule, holder, reason, now));
  Explained out;
  out.verdict = judge(policy, event, nostr::to_json(event).size(), known.facts, &out.trace);
  return out;
}

}  // namespace frostr
