// Coordinator: builds the request, checks each answer, adds up.
#include "frostr/signing_session.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/bytes.h"

namespace frostr {

using base::Errc;
using base::fail;

namespace {

/// The sorted member list of a session of `share` and `peers`, exactly the threshold of them.
Result<std::vector<ShareIndex>> members_of(const GroupPackage& group, ShareIndex self,
                                           std::vector<ShareIndex> peers) {
  peers.push_back(self);
  std::ranges::sort(peers);
  if (std::ranges::adjacent_find(peers) != peers.end() || peers.size() != group.threshold())
    return fail(Errc::kInvalid, fmt::format("a session needs {} distinct members, got {}",
                                            group.threshold(), peers.size()));
  for (const ShareIndex idx : peers)
    if (group.find(idx) == nullptr)
      return fail(Errc::kInvalid, fmt::format("member {} is not in the group", idx.value));
  return peers;
}

}  // namespace

SigningSession::SigningSession(const GroupPackage& group, SignRequest request,
                               SigningContext context, SigningContext::Partial own)
    : group_(group), request_(std::move(request)), context_(std::move(context)), partials_{own} {}

Result<SigningSession> SigningSession::create(const GroupPackage& group, const SecretShare& share,
                                              NoncePool& pool, std::vector<SessionPeer> peers,
                                              const nostr::Sha256& sighash,
                                              std::optional<std::string> content,
                                              std::optional<SignReason> reason,
                                              base::UnixTime now) {
  std::vector<ShareIndex> others;
  for (const SessionPeer& peer : peers) others.push_back(peer.idx);
  TRY(auto members, members_of(group, share.idx, std::move(others)));
  SignRequest request;
  if (content) request.content = base::Bytes(content->begin(), content->end());
  request.hashes = {HashEntry{sighash, {}}};
  request.members = std::move(members);
  request.stamp = static_cast<std::uint32_t>(base::to_unix(now));
  request.type = content ? "event" : "message";
  request.gid = group.id();
  request.reason = std::move(reason);

  NoncePair own = pool.own_pair();
  request.nonces.push_back({share.idx, {pool.new_code(), own.commitment()}});
  for (const SessionPeer& peer : peers) request.nonces.push_back({peer.idx, peer.nonce});
  std::ranges::sort(request.nonces, {}, &MemberNonce::idx);
  request.sid = compute_session_id(request);

  std::vector<Signer> signers;
  for (const MemberNonce& nonce : request.nonces)
    signers.push_back({nonce.idx, nonce.nonce.commitment});
  TRY(auto context,
      SigningContext::create(KeyContext(group.group_pk()), sighash.view(), std::move(signers)));
  TRY(const Scalar z, context.sign_partial(std::move(own), share));
  return SigningSession(group, std::move(request), std::move(context), {share.idx, z});
}

Result<void> SigningSession::check_answer(ShareIndex from, const SignAnswer& answer) const {
  const auto nonce = std::ranges::find(request_.nonces, from, &MemberNonce::idx);
  const GroupMember* member = group_.find(from);
  if (nonce == request_.nonces.end() || member == nullptr)
    return fail(Errc::kPeer, fmt::format("member {} is not in this session", from.value));
  if (std::ranges::find(partials_, from, &SigningContext::Partial::idx) != partials_.end())
    return fail(Errc::kPeer, fmt::format("member {} answered twice", from.value));
  if (answer.idx != from || answer.pubkey != member->pubkey)
    return fail(Errc::kPeer, fmt::format("member {} answered under another name", from.value));
  if (answer.sid != request_.sid || answer.nonce_code != nonce->nonce.code)
    return fail(Errc::kPeer, fmt::format("member {} answered another session", from.value));
  if (answer.psigs.size() != 1 || answer.psigs.front().sighash != request_.hashes.front().sighash)
    return fail(Errc::kPeer, fmt::format("member {} signed something else", from.value));
  return {};
}

Result<std::optional<nostr::Signature>> SigningSession::on_answer(ShareIndex from,
                                                                  const SignAnswer& answer) {
  TRY(check_answer(from, answer));
  const Scalar& z = answer.psigs.front().z;
  TRY(context_.verify_partial(from, answer.pubkey, z));
  partials_.push_back({from, z});
  if (partials_.size() < request_.members.size()) return std::optional<nostr::Signature>();
  TRY(const nostr::Signature signature, aggregate(context_, group_, partials_));
  return std::optional<nostr::Signature>(signature);
}

EcdhSession::EcdhSession(EcdhPackage request, Point own)
    : request_(std::move(request)), key_shares_{own} {}

Result<EcdhSession> EcdhSession::create(const GroupPackage& group, const SecretShare& share,
                                        std::vector<ShareIndex> peers, const EcdhTarget& target,
                                        std::optional<EcdhReason> reason) {
  TRY(auto members, members_of(group, share.idx, std::move(peers)));
  TRY(const Point own, ecdh_key_share(share, members, target));
  EcdhPackage request{
      share.idx, std::move(members), {EcdhEntry{target, std::nullopt}}, std::move(reason)};
  return EcdhSession(std::move(request), own);
}

Result<std::optional<nostr::SharedX>> EcdhSession::on_answer(ShareIndex from,
                                                             const EcdhPackage& answer) {
  const bool asked =
      from != request_.idx && std::ranges::find(request_.members, from) != request_.members.end();
  if (!asked || answer.idx != from)
    return fail(Errc::kPeer, fmt::format("member {} is not in this session", from.value));
  if (std::ranges::find(answered_, from) != answered_.end())
    return fail(Errc::kPeer, fmt::format("member {} answered twice", from.value));
  if (answer.members != request_.members || answer.entries.size() != 1 ||
      answer.entries.front().target.x_only() != request_.entries.front().target.x_only() ||
      !answer.entries.front().key_share)
    return fail(Errc::kPeer, fmt::format("member {} answered another session", from.value));
  answered_.push_back(from);
  key_shares_.push_back(*answer.entries.front().key_share);
  if (key_shares_.size() < request_.members.size()) return std::optional<nostr::SharedX>();
  TRY(auto shared, combine_ecdh(key_shares_));
  return std::optional<nostr::SharedX>(std::move(shared));
}

}  // namespace frostr
