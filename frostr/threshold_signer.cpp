// The requester: what is asked of a quorum for a signature, and what comes of it.
#include "frostr/threshold_signer.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/event/event_json.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::Task;
namespace {

std::string member_text(ShareIndex idx) {
  return fmt::format("member {}", idx.value);
}

std::string tick_text(const std::optional<nostr::EventId>& tick) {
  return tick ? tick->hex() : std::string();
}

}  // namespace

/// A signature to be had: what is signed, through all sessions it may take.
class ThresholdSigner::SignTask final : public QuorumTask {
 public:
  SignTask(const ThresholdSigner& signer, const nostr::Sha256& sighash)
      : signer_(signer), node_(signer.node_), sighash_(sighash) {}

  std::optional<std::string> content;
  std::optional<SignReason> reason;

  std::string method() const override { return "sign"; }
  bool needs_nonce() const override { return true; }
  bool suits(const Peer& peer) const override { return !content || signer_.may_judge(peer); }
  Result<std::unique_ptr<QuorumSession>> begin(const std::vector<ShareIndex>& peers) override;

  /// Of a session that delivered.
  static const nostr::Signature& signature_of(const QuorumSession& session);

 private:
  class Session;
  const ThresholdSigner& signer_;
  BifrostNode& node_;
  const nostr::Sha256 sighash_;
};

class ThresholdSigner::SignTask::Session final : public QuorumSession {
 public:
  Session(BifrostNode& node, SigningSession session)
      : node_(node), session_(std::move(session)), params_(to_params(session_.request())) {}

  const std::string& params() const override { return params_; }

  Result<bool> on_answer(ShareIndex from, const base::json::Value& data) override {
    TRY(const SignAnswer answer, parse_sign_answer(data));
    TRY(signature, session_.on_answer(from, answer));
    node_.cosigner().take_nonces(from, answer.replenish, PeerNotes::read(data).batch);
    if (node_.nonces().available(from) < node_.nonces().low_water()) node_.want_ping(from);
    return signature.has_value();
  }

  std::optional<nostr::Signature> signature;

 private:
  BifrostNode& node_;
  SigningSession session_;
  const std::string params_;
};

Result<std::unique_ptr<QuorumSession>> ThresholdSigner::SignTask::begin(
    const std::vector<ShareIndex>& peers) {
  std::vector<SessionPeer> session_peers;
  for (const ShareIndex peer : peers) {
    const auto nonce = node_.nonces().next(peer);
    if (!nonce) return fail(Errc::kInternal, member_text(peer) + " was asked without a nonce");
    session_peers.push_back({peer, *nonce});
  }
  TRY(auto session,
      SigningSession::create(node_.group(), node_.share(), node_.nonces(), std::move(session_peers),
                             sighash_, content, reason, node_.clock().now()));
  return std::make_unique<Session>(node_, std::move(session));
}

const nostr::Signature& ThresholdSigner::SignTask::signature_of(const QuorumSession& session) {
  return *static_cast<const Session&>(session).signature;  // this task's sessions are of this type
}

ThresholdSigner::ThresholdSigner(BifrostNode& node, ThresholdOptions options)
    : node_(node), options_(std::move(options)) {}

nostr::PublicKey ThresholdSigner::public_key() const {
  return node_.group().identity();
}

bool ThresholdSigner::judges(const Peer& peer) const {
  return peer.notes.judges || std::ranges::find(options_.judges, peer.idx) != options_.judges.end();
}

bool ThresholdSigner::any_judges() const {
  return std::ranges::any_of(node_.peers().all(), [&](const Peer& peer) { return judges(peer); });
}

bool ThresholdSigner::may_judge(const Peer& peer) const {
  // One that was never heard may: what it is shows when it answers a ping.
  return !any_judges() || !peer.last_seen || judges(peer);
}

QuorumOptions ThresholdSigner::asking(std::optional<ShareIndex> first) const {
  return {.overall = options_.overall,
          .silence = options_.peer_silence,
          .hedge_after = options_.hedge_after,
          .first = first,
          .without = {}};
}

Task<Result<HashOutcome>> ThresholdSigner::sign_with_quorum(SignTask& task,
                                                            std::optional<ShareIndex> first) {
  QuorumOptions options = asking(first);
  const auto began = std::chrono::steady_clock::now();
  CO_TRY(auto outcome, co_await ask_quorum(node_, task, std::move(options)));
  if (auto* approval = std::get_if<ApprovalRequired>(&outcome)) co_return *approval;
  if (auto* refused = std::get_if<Refused>(&outcome)) co_return *std::move(refused);
  if (auto* unavailable = std::get_if<Unavailable>(&outcome)) co_return *std::move(unavailable);
  sign_times_.observe(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began));
  co_return SignTask::signature_of(*std::get<Delivered>(outcome).session);
}

Task<Result<SignOutcome>> ThresholdSigner::sign_with_context(nostr::UnsignedEvent event,
                                                             SignContext context) {
  if (event.pubkey != public_key())
    co_return fail(Errc::kInvalid, "the event's author is not the group");
  std::string content = nostr::to_json(event);
  if (content.size() > kMaxEventBytes)
    co_return Refused{node_.share().idx, fmt::format("too-large-to-cosign: {} bytes, limit {}",
                                                     content.size(), kMaxEventBytes)};
  SignTask task(*this, nostr::Sha256(nostr::compute_id(event).array()));
  task.content = std::move(content);
  task.reason = SignReason{tick_text(context.tick), std::move(context.request),
                           std::move(context.decision), context.ask};
  CO_TRY(auto outcome, co_await sign_with_quorum(task, context.member));
  if (auto* approval = std::get_if<ApprovalRequired>(&outcome)) co_return *approval;
  if (auto* refused = std::get_if<Refused>(&outcome)) co_return *std::move(refused);
  if (auto* unavailable = std::get_if<Unavailable>(&outcome)) co_return *std::move(unavailable);
  CO_TRY(auto whole,
         nostr::attach_signature(std::move(event), std::get<nostr::Signature>(outcome)));
  co_return Signed{std::move(whole)};
}

Task<Result<HashOutcome>> ThresholdSigner::sign_hash(nostr::Sha256 hash) {
  SignTask task(*this, hash);
  co_return co_await sign_with_quorum(task, std::nullopt);
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
    Readiness::Member member{.idx = peer.idx,
                             .online = node_.peers().online(peer.idx, now),
                             .judges = judges(peer),
                             .nonces = node_.nonces().available(peer.idx),
                             .round_trip = peer.round_trip,
                             .service = peer.notes.service,
                             .apart = node_.talks_apart(peer.idx),
                             .why_not = {},
                             .lease = peer.notes.lease};
    if (!member.online)
      member.why_not = peer.trouble.empty() ? "not heard yet" : peer.trouble;
    else if (member.nonces == 0)
      member.why_not = peer.trouble.empty() ? "no nonces left" : peer.trouble;
    else
      ++usable;
    out.members.push_back(std::move(member));
  }
  const std::size_t needed = node_.group().threshold() - 1;
  out.ready = usable >= needed;
  if (!out.ready)
    out.why_not = fmt::format("{} of {} needed co-signers are online with nonces", usable, needed);
  if (const auto other = node_.lease_elsewhere()) {
    out.ready = false;
    out.lease_until = other->second;
    out.why_not = fmt::format("lease-held: another process acts for this share at member {} until {}",
                              other->first.value, base::format_rfc3339(other->second));
  }
  return out;
}

}  // namespace frostr
