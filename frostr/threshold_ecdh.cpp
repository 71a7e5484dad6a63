// The requester's half that opens things: threshold ECDH, the check by a second quorum, and the
// conversation keys kept for one claim.
#include <algorithm>

#include <fmt/format.h>

#include "frostr/threshold_signer.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip04.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::Task;

namespace {

/// Tells two secrets apart without keeping either.
nostr::Sha256 fingerprint_of(const nostr::SharedX& shared) {
  return nostr::tagged_hash("sovereign/ecdh-fingerprint", shared.expose());
}

std::string members_text(const std::vector<ShareIndex>& members) {
  std::string out;
  for (const ShareIndex idx : members)
    out += fmt::format("{}{}", out.empty() ? "" : ", ", idx.value);
  return out;
}

}  // namespace

/// A shared secret to be had.
class ThresholdSigner::EcdhTask final : public QuorumTask {
 public:
  EcdhTask(const ThresholdSigner& signer, const EcdhTarget& target, EcdhReason reason)
      : signer_(signer), target_(target), reason_(std::move(reason)) {}

  std::string method() const override { return "ecdh"; }
  bool needs_nonce() const override { return false; }
  bool suits(const Peer& peer) const override { return signer_.may_judge(peer); }
  /// Members hear different relays, so one may know the licence or message that another does not.
  bool leads_on(std::string_view reason) const override { return reason == "target-not-proven"; }
  Result<std::unique_ptr<QuorumSession>> begin(const std::vector<ShareIndex>& peers) override;

  /// Of a session that delivered, once.
  static nostr::SharedX secret_of(QuorumSession& session);

 private:
  class Session;
  const ThresholdSigner& signer_;
  const EcdhTarget target_;
  const EcdhReason reason_;
};

class ThresholdSigner::EcdhTask::Session final : public QuorumSession {
 public:
  explicit Session(EcdhSession session)
      : session_(std::move(session)), params_(to_params(session_.request())) {}

  const std::string& params() const override { return params_; }

  Result<bool> on_answer(ShareIndex from, const base::json::Value& data) override {
    TRY(const EcdhPackage answer, parse_ecdh_answer(data));
    TRY(secret, session_.on_answer(from, answer));
    return secret.has_value();
  }

  std::optional<nostr::SharedX> secret;

 private:
  EcdhSession session_;
  const std::string params_;
};

Result<std::unique_ptr<QuorumSession>> ThresholdSigner::EcdhTask::begin(
    const std::vector<ShareIndex>& peers) {
  TRY(auto session, EcdhSession::create(signer_.node_.group(), signer_.node_.share(), peers,
                                        target_, reason_));
  return std::make_unique<Session>(std::move(session));
}

nostr::SharedX ThresholdSigner::EcdhTask::secret_of(QuorumSession& session) {
  return *std::move(static_cast<Session&>(session).secret);  // this task's sessions are of this type
}

/// Asks a second quorum that leaves out one member of the first: enough to catch that one, or the one
/// that takes its place.
Task<Result<void>> ThresholdSigner::cross_check(std::vector<ShareIndex> used, EcdhTarget target,
                                                EcdhReason reason, nostr::Sha256 fingerprint) {
  EcdhTask task(*this, target, std::move(reason));
  QuorumOptions options = asking(std::nullopt);
  options.overall = options.silence = options_.cross_check;
  options.without = {used.back()};
  options.only_ready = true;
  CO_TRY(auto outcome, co_await ask_quorum(node_, task, std::move(options)));
  auto* second = std::get_if<Delivered>(&outcome);
  if (second == nullptr) {
    LOG(kInfo, "frost", "shared secret not cross-checked", {});
    co_return Result<void>();
  }
  if (fingerprint_of(EcdhTask::secret_of(*second->session)) == fingerprint) {
    fingerprints_[target.x_only()] = fingerprint;
    co_return Result<void>();
  }
  forget_made_with(used);
  forget_made_with(second->peers);
  co_return fail(Errc::kPeer,
                 fmt::format("the quorums of members {} and of members {} give different shared secrets",
                             members_text(used), members_text(second->peers)),
                 "one of them is faulty or hostile: check each before anything is encrypted");
}

Task<Result<ThresholdSigner::Secret>> ThresholdSigner::derive(nostr::PublicKey target,
                                                              EcdhContext context) {
  CO_TRY(const auto point, EcdhTarget::from_key(target));
  const EcdhReason reason{context.purpose, context.tick ? context.tick->hex() : std::string(),
                          context.proof};
  EcdhTask task(*this, point, reason);
  QuorumOptions options = asking(std::nullopt);
  CO_TRY(auto outcome, co_await ask_quorum(node_, task, std::move(options)));
  if (const auto* refused = std::get_if<Refused>(&outcome))
    co_return fail(Errc::kDenied,
                   fmt::format("member {} refused: {}", refused->member.value, refused->reason));
  if (const auto* asked = std::get_if<ApprovalRequired>(&outcome))
    co_return fail(Errc::kDenied, fmt::format("member {} wants an approval for a shared secret",
                                              asked->member.value));
  if (const auto* unavailable = std::get_if<Unavailable>(&outcome))
    co_return fail(Errc::kUnavailable, unavailable->why, "frost status shows who is online");
  Delivered& delivered = std::get<Delivered>(outcome);
  Secret secret{EcdhTask::secret_of(*delivered.session), delivered.peers};
  const nostr::Sha256 fingerprint = fingerprint_of(secret.x);
  if (const auto known = fingerprints_.find(target); known == fingerprints_.end()) {
    CO_TRY(co_await cross_check(secret.quorum, point, reason, fingerprint));
  } else if (known->second != fingerprint) {
    forget_made_with(secret.quorum);
    co_return fail(Errc::kPeer, fmt::format("one of members {} gave a wrong key share",
                                            members_text(secret.quorum)));
  }
  co_return secret;
}

Task<Result<nostr::SharedX>> ThresholdSigner::ecdh(nostr::PublicKey target, EcdhContext context) {
  CO_TRY(auto secret, co_await derive(target, std::move(context)));
  co_return std::move(secret.x);
}

Task<Result<nostr::ConversationKey>> ThresholdSigner::nip44_key(nostr::PublicKey peer,
                                                                EcdhContext context) {
  const std::pair key{peer, context.tick ? context.tick->hex() : std::string()};
  if (const auto known = keys_.find(key); known != keys_.end()) co_return known->second.key.clone();
  CO_TRY(auto secret, co_await derive(peer, std::move(context)));
  auto conversation = nostr::nip44_conversation_key_from_x(secret.x);
  keys_.insert_or_assign(key, KeptKey{conversation.clone(), std::move(secret.quorum)});
  co_return conversation;
}

Task<Result<std::string>> ThresholdSigner::nip44_encrypt(nostr::PublicKey peer,
                                                         std::string plaintext) {
  EcdhContext context{peer == public_key() ? "self" : "proven", tick_, {}};
  CO_TRY(const auto key, co_await nip44_key(peer, std::move(context)));
  auto payload = nostr::nip44_encrypt(key, plaintext, node_.rng());
  base::wipe(plaintext);
  co_return payload;
}

Task<Result<std::string>> ThresholdSigner::nip44_decrypt(nostr::PublicKey peer,
                                                         std::string payload) {
  EcdhContext context{peer == public_key() ? "self" : "proven", tick_, {}};
  CO_TRY(const auto key, co_await nip44_key(peer, std::move(context)));
  co_return nostr::nip44_decrypt(key, payload);
}

Task<Result<std::string>> ThresholdSigner::nip04_encrypt(nostr::PublicKey peer,
                                                         std::string plaintext) {
  EcdhContext context{peer == public_key() ? "self" : "proven", tick_, {}};
  CO_TRY(const nostr::SharedX shared, co_await ecdh(peer, std::move(context)));
  auto payload = nostr::nip04_encrypt(shared, plaintext, node_.rng());
  base::wipe(plaintext);
  co_return payload;
}

Task<Result<std::string>> ThresholdSigner::nip04_decrypt(nostr::PublicKey peer,
                                                         std::string payload) {
  EcdhContext context{peer == public_key() ? "self" : "proven", tick_, {}};
  CO_TRY(const nostr::SharedX shared, co_await ecdh(peer, std::move(context)));
  co_return nostr::nip04_decrypt(shared, payload);
}

void ThresholdSigner::forget() {
  keys_.clear();
}

void ThresholdSigner::forget_made_with(const std::vector<ShareIndex>& members) {
  std::erase_if(keys_, [&](const auto& entry) {
    return std::ranges::any_of(entry.second.quorum, [&](ShareIndex idx) {
      return std::ranges::find(members, idx) != members.end();
    });
  });
}

}  // namespace frostr
