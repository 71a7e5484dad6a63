// The requester: quorum choice, attempts, failover on silence, outcomes.
#include "frostr/threshold_signer.h"

#include <algorithm>

#include <fmt/format.h>

#include "frostr/reject.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::Task;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr int kMaxStale = 3;  // retries with one member whose nonces turn out dead

std::string member_text(ShareIndex idx) {
  return fmt::format("member {}", idx.value);
}

/// Why nothing is asked for: two processes with one share would otherwise act side by side.
std::string lease_text(ShareIndex member, base::UnixTime until) {
  return fmt::format("lease-held: another process acts for this share at member {} until {}",
                     member.value, base::format_rfc3339(until));
}

std::string tick_text(const std::optional<nostr::EventId>& tick) {
  return tick ? tick->hex() : std::string();
}

}  // namespace

/// An attempt that ended without a verdict: `who` was silent, wrong, or wants another nonce.
struct ThresholdSigner::Stopped {
  ShareIndex who;
  bool again = false;  ///< the same member may be asked with another nonce
  std::string why;
};

/// What is to be signed, through all attempts.
struct ThresholdSigner::Work {
  nostr::Sha256 sighash;
  std::optional<std::string> content;
  std::optional<SignReason> reason;
  std::optional<ShareIndex> first;
};

ThresholdSigner::ThresholdSigner(BifrostNode& node, ThresholdOptions options)
    : node_(node), options_(std::move(options)) {}

nostr::PublicKey ThresholdSigner::public_key() const {
  return node_.group().identity();
}

bool ThresholdSigner::judges(const Peer& peer) const {
  return peer.notes.judges || std::ranges::find(options_.judges, peer.idx) != options_.judges.end();
}

std::vector<ShareIndex> ThresholdSigner::candidates(std::optional<ShareIndex> first,
                                                    bool judging) const {
  auto order = node_.peers().order(first, node_.clock().now());
  if (!judging || !any_judges()) return order;
  // One that was never heard stays: what it is shows when it answers a ping.
  std::erase_if(order, [&](ShareIndex idx) {
    const Peer* peer = node_.peers().find(idx);
    return peer->last_seen && !judges(*peer);
  });
  return order;
}

bool ThresholdSigner::any_judges() const {
  return std::ranges::any_of(node_.peers().all(), [&](const Peer& peer) { return judges(peer); });
}

milliseconds ThresholdSigner::wait_limit(steady_clock::time_point deadline) const {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
  return std::clamp(left, milliseconds(1), options_.peer_silence);
}

Task<Result<void>> ThresholdSigner::stock_up(ShareIndex peer) {
  if (node_.nonces().available(peer) > 0) co_return Result<void>();
  CO_TRY(co_await node_.ping(peer));
  if (node_.nonces().available(peer) == 0) {
    // A stock peer believes that an earlier run of ours still has what it gave it.
    if (auto onboarded = co_await node_.onboard(peer); !onboarded)
      LOG(kDebug, "frost", "onboarding failed", {{"why", onboarded.error().detail}});
  }
  if (node_.nonces().available(peer) == 0)
    co_return fail(Errc::kUnavailable, member_text(peer) + " gives us no nonces",
                   "its policy may not list this member as requester");
  co_return Result<void>();
}

Task<std::optional<ThresholdSigner::Attempt>> ThresholdSigner::ask_member(ShareIndex peer,
                                                                          SigningSession& session,
                                                                          std::string params,
                                                                          milliseconds limit) {
  auto reply = co_await node_.call(peer, "sign", std::move(params), limit);
  if (!reply) co_return Stopped{peer, false, reply.error().detail};
  if (const auto* reject = std::get_if<RpcReject>(&*reply)) {
    const Reject read = read_reject(reject->reason);
    switch (read.kind) {
      case Reject::Kind::kRetry:
        co_return Stopped{peer, true, read.reason};
      case Reject::Kind::kRefused:
        co_return Refused{peer, read.reason};
      case Reject::Kind::kLeaseHeld:
        node_.peers().on_lease_held(peer, read.until);
        co_return Unavailable{lease_text(peer, read.until)};
      case Reject::Kind::kApprovalRequired:
        break;
    }
    const Peer* asker = node_.peers().find(peer);
    co_return ApprovalRequired{read.digest, peer,
                               asker != nullptr ? asker->notes.service : std::nullopt};
  }
  const auto answer = parse_sign_answer(std::get<RpcAccept>(*reply).data);
  if (!answer) co_return Stopped{peer, false, member_text(peer) + ": " + answer.error().detail};
  const auto signature = session.on_answer(peer, *answer);
  if (!signature) co_return Stopped{peer, false, signature.error().detail};
  node_.nonces().receive(peer, answer->replenish);
  if (node_.nonces().available(peer) < node_.nonces().low_water()) node_.want_ping(peer);
  if (!*signature) co_return std::nullopt;
  co_return **signature;
}

Task<Result<ThresholdSigner::Attempt>> ThresholdSigner::attempt(std::vector<ShareIndex> peers,
                                                                Work work,
                                                                steady_clock::time_point deadline) {
  std::vector<SessionPeer> session_peers;
  for (const ShareIndex peer : peers) {
    if (auto stocked = co_await stock_up(peer); !stocked)
      co_return Stopped{peer, false, stocked.error().detail};
    if (work.content && any_judges() && !judges(*node_.peers().find(peer)))
      co_return Stopped{peer, false, "signs blindly, and other members judge"};
    auto nonce = node_.nonces().next(peer);
    if (!nonce) co_return Stopped{peer, true, "out of nonces"};
    session_peers.push_back({peer, *nonce});
  }
  CO_TRY(auto session,
         SigningSession::create(node_.group(), node_.share(), node_.nonces(),
                                std::move(session_peers), work.sighash, std::move(work.content),
                                std::move(work.reason), node_.clock().now()));
  const std::string params = to_params(session.request());
  for (const ShareIndex peer : peers) {
    auto outcome = co_await ask_member(peer, session, params, wait_limit(deadline));
    if (outcome) co_return *std::move(outcome);
  }
  co_return fail(Errc::kInternal, "a session ended without its signature");
}

Task<Result<HashOutcome>> ThresholdSigner::sign_with_quorum(Work work) {
  const std::size_t needed = node_.group().threshold() - 1;
  if (needed == 0) co_return fail(Errc::kUnsupported, "groups of threshold 1 are not served");
  if (const auto other = node_.lease_elsewhere())
    co_return Unavailable{lease_text(other->first, other->second)};
  const auto deadline = steady_clock::now() + options_.overall;
  auto order = candidates(work.first, work.content.has_value());
  std::map<ShareIndex, int> stale;
  std::string why = order.size() < needed ? "too few judging members are known" : "";
  while (order.size() >= needed && steady_clock::now() < deadline) {
    std::vector<ShareIndex> peers(order.begin(),
                                  order.begin() + static_cast<std::ptrdiff_t>(needed));
    CO_TRY(auto result, co_await attempt(std::move(peers), work, deadline));
    if (auto* signature = std::get_if<nostr::Signature>(&result)) co_return *signature;
    if (auto* approval = std::get_if<ApprovalRequired>(&result)) co_return *approval;
    if (auto* refused = std::get_if<Refused>(&result)) co_return *std::move(refused);
    if (auto* elsewhere = std::get_if<Unavailable>(&result)) co_return *std::move(elsewhere);
    const Stopped& stopped = std::get<Stopped>(result);
    LOG(kInfo, "frost", "attempt failed",
        {{"member", fmt::to_string(stopped.who.value)}, {"why", stopped.why}});
    why += (why.empty() ? "" : "; ") + member_text(stopped.who) + ": " + stopped.why;
    if (stopped.again) node_.nonces().drop_received(stopped.who);
    if (!stopped.again || ++stale[stopped.who] >= kMaxStale) std::erase(order, stopped.who);
  }
  co_return Unavailable{why.empty() ? std::string("no time left") : why};
}

Task<Result<SignOutcome>> ThresholdSigner::sign_with_context(nostr::UnsignedEvent event,
                                                             SignContext context) {
  if (event.pubkey != public_key())
    co_return fail(Errc::kInvalid, "the event's author is not the group");
  std::string content = nostr::to_json(event);
  if (content.size() > kMaxEventBytes)
    co_return Refused{node_.share().idx, fmt::format("too-large-to-cosign: {} bytes, limit {}",
                                                     content.size(), kMaxEventBytes)};
  Work work;
  work.sighash = nostr::Sha256(nostr::compute_id(event).array());
  work.content = std::move(content);
  work.reason = SignReason{tick_text(context.tick), std::move(context.request),
                           std::move(context.decision), context.ask};
  work.first = context.member;
  CO_TRY(auto outcome, co_await sign_with_quorum(std::move(work)));
  if (auto* approval = std::get_if<ApprovalRequired>(&outcome)) co_return *approval;
  if (auto* refused = std::get_if<Refused>(&outcome)) co_return *std::move(refused);
  if (auto* unavailable = std::get_if<Unavailable>(&outcome)) co_return *std::move(unavailable);
  CO_TRY(auto whole,
         nostr::attach_signature(std::move(event), std::get<nostr::Signature>(outcome)));
  co_return Signed{std::move(whole)};
}

Task<Result<HashOutcome>> ThresholdSigner::sign_hash(nostr::Sha256 hash) {
  Work work;
  work.sighash = hash;
  co_return co_await sign_with_quorum(std::move(work));
}

Task<Result<nostr::Event>> ThresholdSigner::sign(nostr::Draft draft) {
  if (draft.created_at == base::UnixTime{}) draft.created_at = node_.clock().now();
  SignContext context;
  context.tick = tick_;
  auto event = nostr::with_author(std::move(draft), public_key());
  CO_TRY(auto outcome, co_await sign_with_context(std::move(event), std::move(context)));
  if (auto* done = std::get_if<Signed>(&outcome)) co_return std::move(done->event);
  if (const auto* approval = std::get_if<ApprovalRequired>(&outcome))
    co_return fail(Errc::kApprovalRequired, "the operator must approve " + approval->digest.hex());
  if (const auto* refused = std::get_if<Refused>(&outcome))
    co_return fail(Errc::kDenied, member_text(refused->member) + " refused: " + refused->reason);
  co_return fail(Errc::kUnavailable, std::get<Unavailable>(outcome).why,
                 "frost status shows who is online");
}

Readiness ThresholdSigner::readiness() const {
  Readiness out;
  const auto now = node_.clock().now();
  std::size_t usable = 0;
  for (const Peer& peer : node_.peers().all()) {
    const bool online = node_.peers().online(peer.idx, now);
    const std::size_t nonces = node_.nonces().available(peer.idx);
    out.members.push_back(
        {peer.idx, online, judges(peer), nonces, peer.round_trip, peer.notes.service,
         peer.notes.lease});
    if (online && nonces > 0) ++usable;
  }
  const std::size_t needed = node_.group().threshold() - 1;
  out.ready = usable >= needed;
  if (!out.ready)
    out.why_not = fmt::format("{} of {} needed co-signers are online with nonces", usable, needed);
  if (const auto other = node_.lease_elsewhere()) {
    out.ready = false;
    out.lease_until = other->second;
    out.why_not = lease_text(other->first, other->second);
  }
  return out;
}

}  // namespace frostr
