// The requester's half that opens things: threshold ECDH, the check by a second quorum, and the
// conversation keys kept for one claim.
#include <algorithm>

#include <fmt/format.h>

#include "frostr/reject.h"
#include "frostr/threshold_signer.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip04.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::Task;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Tells two secrets apart without keeping either.
nostr::Sha256 fingerprint_of(const nostr::SharedX& shared) {
  return nostr::tagged_hash("sovereign/ecdh-fingerprint", shared.expose());
}

}  // namespace

Task<Result<nostr::SharedX>> ThresholdSigner::ecdh_with(std::vector<ShareIndex> peers,
                                                        EcdhTarget target, EcdhReason reason,
                                                        milliseconds limit) {
  CO_TRY(auto session,
         EcdhSession::create(node_.group(), node_.share(), peers, target, std::move(reason)));
  const std::string params = to_params(session.request());
  for (const ShareIndex peer : peers) {
    CO_TRY(auto reply, co_await node_.call(peer, "ecdh", params, limit));
    if (const auto* reject = std::get_if<RpcReject>(&reply)) {
      const Reject read = read_reject(reject->reason);
      if (read.kind == Reject::Kind::kLeaseHeld) node_.peers().on_lease_held(peer, read.until);
      const bool again =
          read.kind == Reject::Kind::kRetry || read.kind == Reject::Kind::kLeaseHeld;
      co_return fail(again ? Errc::kUnavailable : Errc::kDenied,
                     fmt::format("member {} refused: {}", peer.value, read.reason));
    }
    CO_TRY(const auto answer, parse_ecdh_answer(std::get<RpcAccept>(reply).data));
    CO_TRY(auto shared, session.on_answer(peer, answer));
    if (shared) co_return *std::move(shared);
  }
  co_return fail(Errc::kInternal, "an ecdh session ended without its secret");
}

Task<Result<void>> ThresholdSigner::cross_check(std::vector<ShareIndex> used, EcdhTarget target,
                                                EcdhReason reason, nostr::Sha256 fingerprint) {
  const auto now = node_.clock().now();
  std::vector<ShareIndex> others;
  for (const ShareIndex idx : node_.peers().order(std::nullopt, now))
    if (std::ranges::find(used, idx) == used.end() && node_.peers().online(idx, now))
      others.push_back(idx);
  // Exchanging one member is enough to catch the other.
  if (others.empty()) co_return Result<void>();
  std::vector<ShareIndex> second = used;
  second.back() = others.front();
  const auto shared =
      co_await ecdh_with(std::move(second), target, std::move(reason), options_.cross_check);
  if (!shared) {
    LOG(kInfo, "frost", "shared secret not cross-checked", {{"why", shared.error().detail}});
    co_return Result<void>();
  }
  if (fingerprint_of(*shared) != fingerprint)
    co_return fail(Errc::kPeer,
                   fmt::format("members {} and {} give different shared secrets", used.back().value,
                               others.front().value),
                   "one of them is faulty or hostile: check both before anything is encrypted");
  fingerprints_[target.x_only()] = fingerprint;
  co_return Result<void>();
}

Task<Result<nostr::SharedX>> ThresholdSigner::ecdh(nostr::PublicKey target, EcdhContext context) {
  const std::size_t needed = node_.group().threshold() - 1;
  if (needed == 0) co_return fail(Errc::kUnsupported, "groups of threshold 1 are not served");
  CO_TRY(const auto point, EcdhTarget::from_key(target));
  const EcdhReason reason{context.purpose, context.tick ? context.tick->hex() : std::string(),
                          context.proof};
  const auto deadline = steady_clock::now() + options_.overall;
  auto order = candidates(std::nullopt, /*judging=*/true);
  base::Error last{Errc::kUnavailable, "too few co-signers are known",
                   "frost status shows who is online"};
  while (order.size() >= needed && steady_clock::now() < deadline) {
    if (fenced())
      co_return fail(Errc::kUnavailable, "lease-held: another process acts for this share");
    const std::vector<ShareIndex> peers(order.begin(),
                                        order.begin() + static_cast<std::ptrdiff_t>(needed));
    auto shared = co_await ecdh_with(peers, point, reason, wait_limit(deadline));
    if (!shared) {
      // Only silence leads on; what a member says is said.
      const Errc code = shared.error().code;
      if (code != Errc::kTimeout && code != Errc::kUnavailable)
        co_return std::unexpected(shared.error());
      last = base::Error{Errc::kUnavailable, shared.error().detail, last.hint};
      order.erase(order.begin());
      continue;
    }
    const nostr::Sha256 fingerprint = fingerprint_of(*shared);
    if (const auto known = fingerprints_.find(target); known != fingerprints_.end()) {
      if (known->second != fingerprint)
        co_return fail(Errc::kPeer,
                       fmt::format("member {} gave a wrong key share", peers.back().value));
    } else {
      CO_TRY(co_await cross_check(peers, point, reason, fingerprint));
    }
    co_return *std::move(shared);
  }
  co_return std::unexpected(last);
}

Task<Result<nostr::ConversationKey>> ThresholdSigner::nip44_key(nostr::PublicKey peer,
                                                                EcdhContext context) {
  const std::pair key{peer, context.tick ? context.tick->hex() : std::string()};
  if (const auto known = keys_.find(key); known != keys_.end()) co_return known->second.clone();
  CO_TRY(const auto shared, co_await ecdh(peer, std::move(context)));
  auto conversation = nostr::nip44_conversation_key_from_x(shared);
  keys_.insert_or_assign(key, conversation.clone());
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

}  // namespace frostr
