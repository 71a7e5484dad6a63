// Nonce custody: issue, take and wipe; receive and use once.
#include "frostr/nonce_pool.h"

#include <algorithm>

namespace frostr {

using base::Errc;
using base::fail;

namespace {

constexpr auto kIssuedSide = storage::NonceSide::kIssued;

std::vector<std::string> hex_of(const std::vector<NonceCode>& codes) {
  std::vector<std::string> out;
  for (const NonceCode& code : codes) out.push_back(code.hex());
  return out;
}

int ledger_peer(ShareIndex peer) {
  return static_cast<int>(peer.value);
}

}  // namespace

NoncePool::NoncePool(const SecretShare& share, storage::NonceLedger& ledger, base::Rng& rng,
                     NoncePoolOptions options)
    : share_(share), ledger_(ledger), rng_(rng), options_(options) {
  CHECK(options_.low_water <= options_.size && options_.size <= options_.max_received);
}

Result<std::int64_t> NoncePool::forget_earlier(base::UnixTime now) {
  issued_.clear();
  received_.clear();
  return ledger_.void_all(now);
}

Result<std::vector<WireNonce>> NoncePool::top_up(ShareIndex peer, std::optional<std::size_t> held,
                                                 base::UnixTime now) {
  std::vector<WireNonce> fresh;
  IssuedList& list = issued_[peer];
  const std::size_t out = held ? std::min(*held, list.size()) : list.size();
  if (out >= options_.low_water) return fresh;
  const std::size_t count = std::min(options_.size - out, allowance(peer, now));
  std::vector<std::string> codes;
  std::vector<Issued> made;
  for (std::size_t i = 0; i < count; ++i) {
    NoncePair pair = NoncePair::generate(share_, rng_);
    const NonceCode code = new_code();
    fresh.push_back({code, pair.commitment()});
    codes.push_back(code.hex());
    made.push_back({code, std::move(pair), now});
  }
  allowances_[peer].left -= count;
  TRY(ledger_.add(kIssuedSide, ledger_peer(peer), codes, now));
  for (Issued& issued : made) list.push_back(std::move(issued));
  // Twice the size, because a batch on its way is not a batch lost.
  while (list.size() > 2 * options_.size) {
    TRY(ledger_.mark_void(kIssuedSide, ledger_peer(peer), list.front().code.hex(), now));
    list.pop_front();
  }
  return fresh;
}

std::size_t NoncePool::allowance(ShareIndex peer, base::UnixTime now) {
  Allowance& allowance = allowances_[peer];
  if (!allowance.counted) allowance.left = options_.burst;
  const auto seconds = allowance.counted ? std::max((now - *allowance.counted).count(), 0L) : 0L;
  const std::size_t refill =
      std::min(static_cast<std::size_t>(seconds), options_.burst) * options_.per_second;
  allowance.left = std::min(allowance.left + refill, options_.burst);
  allowance.counted = now;
  return allowance.left;
}

Result<void> NoncePool::reconcile(ShareIndex peer, std::span<const std::string> held,
                                  base::UnixTime now) {
  const auto is_lost = [&](const Issued& issued) {
    if (now - issued.at <= options_.in_transit) return false;
    const std::string code = issued.code.hex();
    return std::ranges::none_of(held, [&](const std::string& digits) {
      return !digits.empty() && code.starts_with(digits);
    });
  };
  std::vector<NonceCode> lost;
  for (const Issued& issued : issued_[peer])
    if (is_lost(issued)) lost.push_back(issued.code);
  if (lost.empty()) return {};
  TRY(ledger_.mark_void(kIssuedSide, ledger_peer(peer), hex_of(lost), now));
  std::erase_if(issued_[peer], is_lost);
  return {};
}

Result<void> NoncePool::forget_issued(ShareIndex peer, base::UnixTime now) {
  issued_.erase(peer);
  TRY(ledger_.void_peer(kIssuedSide, ledger_peer(peer), now));
  return {};
}

NoncePool::IssuedList::iterator NoncePool::locate(IssuedList& list, const NonceCode& code) {
  return std::ranges::find(list, code, &Issued::code);
}

const NonceCommitment* NoncePool::find(ShareIndex peer, const NonceCode& code) const {
  const auto list = issued_.find(peer);
  if (list == issued_.end()) return nullptr;
  const auto it = std::ranges::find(list->second, code, &Issued::code);
  return it == list->second.end() ? nullptr : &it->pair.commitment();
}

std::size_t NoncePool::issued_after(ShareIndex peer, const NonceCode& code) const {
  const auto list = issued_.find(peer);
  if (list == issued_.end()) return 0;
  const auto it = std::ranges::find(list->second, code, &Issued::code);
  return it == list->second.end() ? list->second.size()
                                  : static_cast<std::size_t>(list->second.end() - it) - 1;
}

Result<NoncePair> NoncePool::take(ShareIndex peer, const NonceCode& code, const SessionId& session,
                                  const nostr::Sha256& sighash, base::UnixTime now) {
  IssuedList& list = issued_[peer];
  const auto it = locate(list, code);
  if (it == list.end()) return fail(Errc::kConflict, "nonce is not ready");
  NoncePair pair = std::move(it->pair);
  list.erase(it);
  // When the ledger fails the pair dies here, unused.
  TRY(ledger_.mark_spent(kIssuedSide, ledger_peer(peer), code.hex(), session.hex(), sighash.hex(),
                         now));
  return pair;
}

Result<void> NoncePool::discard(ShareIndex peer, const NonceCode& code, base::UnixTime now) {
  IssuedList& list = issued_[peer];
  const auto it = locate(list, code);
  if (it == list.end()) return {};
  list.erase(it);
  return ledger_.mark_void(kIssuedSide, ledger_peer(peer), code.hex(), now);
}

Result<void> NoncePool::keep_house(base::UnixTime now) {
  TRY(ledger_.purge_void(now - base::seconds(86'400), 20'000));
  return {};
}

std::size_t NoncePool::issued(ShareIndex peer) const {
  const auto list = issued_.find(peer);
  return list == issued_.end() ? 0 : list->second.size();
}

void NoncePool::receive(ShareIndex peer, std::span<const WireNonce> nonces) {
  auto& list = received_[peer];
  for (const WireNonce& nonce : nonces) {
    const auto same = [&](const WireNonce& known) {
      return known.code == nonce.code || known.commitment == nonce.commitment;
    };
    if (std::ranges::any_of(list, same)) continue;
    list.push_back(nonce);
    if (list.size() > options_.max_received) list.pop_front();
  }
}

std::optional<WireNonce> NoncePool::next(ShareIndex peer) {
  auto& list = received_[peer];
  if (list.empty()) return std::nullopt;
  WireNonce nonce = list.front();
  list.pop_front();
  return nonce;
}

void NoncePool::drop_received(ShareIndex peer) {
  received_.erase(peer);
}

std::size_t NoncePool::available(ShareIndex peer) const {
  const auto list = received_.find(peer);
  return list == received_.end() ? 0 : list->second.size();
}

std::vector<std::string> NoncePool::held(ShareIndex peer, std::size_t digits) const {
  std::vector<std::string> out;
  if (const auto list = received_.find(peer); list != received_.end())
    for (const WireNonce& nonce : list->second) out.push_back(nonce.code.hex().substr(0, digits));
  return out;
}

NoncePair NoncePool::own_pair() {
  return NoncePair::generate(share_, rng_);
}

NonceCode NoncePool::new_code() {
  return NonceCode(rng_.bytes<32>());
}

}  // namespace frostr
