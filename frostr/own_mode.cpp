// Lives and hellos: what is remembered is in the database before anybody hears of it.
#include "frostr/own_mode.h"

#include <algorithm>

#include <fmt/format.h>

namespace frostr {

namespace json = base::json;

namespace {

constexpr const char* kLife = "frostr.life";

std::string hello_key(ShareIndex member) {
  return fmt::format("frostr.hello.{}", member.value);
}

}  // namespace

OwnMode::OwnMode(storage::Db& db, const GroupPackage& group, ShareIndex self,
                 nostr::SecretKey share, nostr::SecretKey transport, base::Rng& rng)
    : kv_(db),
      group_(group),
      share_(std::move(share)),
      transport_(std::move(transport)),
      rng_(rng) {
  hello_.member = self;
}

Result<std::unique_ptr<OwnMode>> OwnMode::begin(storage::Db& db, const GroupPackage& group,
                                                const SecretShare& share,
                                                nostr::SecretKey transport, base::UnixTime now,
                                                base::Rng& rng) {
  TRY(auto identity, share.transport_key());
  std::unique_ptr<OwnMode> mode(
      new OwnMode(db, group, share.idx, std::move(identity), std::move(transport), rng));
  TRY(const auto life, mode->kv_.get(kLife));
  if (life) mode->remembered_ = std::strtoull(life->c_str(), nullptr, 10);
  TRY(mode->begin_again(now));
  return mode;
}

Result<void> OwnMode::begin_again(base::UnixTime now) {
  // At least the time: also a process that remembers nothing comes after those before it.
  const auto clock = static_cast<std::uint64_t>(std::max<std::int64_t>(base::to_unix(now), 0));
  const std::uint64_t life = std::max({remembered_ + 1, hello_.life + 1, clock});
  TRY(kv_.set(kLife, std::to_string(life)));
  hello_ = make_hello(group_, hello_.member, share_, transport_, rng_.hex(8), life, rng_);
  return {};
}

Result<bool> OwnMode::on_hello(ShareIndex from, const Hello& hello) {
  const auto known = last_known(from);
  const auto pin = [&] {
    for (const auto& [member, other] : pinned_)
      if (member != from && other.key == hello.key) return false;
    const auto [it, is_new] = pinned_.insert_or_assign(from, hello);
    return is_new || !known || *known != hello;
  };
  if (hello.member != from || from == hello_.member) return false;
  if (known && *known == hello) return pinned_.contains(from) ? false : pin();
  if (known && hello.life < known->life) return false;
  if (!is_genuine(hello, group_)) return false;
  TRY(kv_.set(hello_key(from), json::dump(to_json(hello))));
  return pin();
}

const Hello* OwnMode::pinned(ShareIndex member) const {
  const auto it = pinned_.find(member);
  return it == pinned_.end() ? nullptr : &it->second;
}

std::optional<Hello> OwnMode::last_known(ShareIndex member) {
  if (const Hello* hello = pinned(member)) return *hello;
  const auto text = kv_.get(hello_key(member));
  if (!text || !*text) return std::nullopt;
  const auto object = json::parse(**text);
  return object ? read_hello(*object) : std::nullopt;
}

Result<bool> OwnMode::on_seen(const Hello& seen, base::UnixTime now) {
  if (seen.member != hello_.member || seen.boot == hello_.boot || seen.life <= remembered_)
    return false;
  // A life that this process began and left after a doubt is no news either.
  if (seen.key == hello_.key || !is_genuine(seen, group_)) return false;
  remembered_ = seen.life;
  TRY(begin_again(now));
  return true;
}

bool OwnMode::clock_jumped(base::UnixTime now, std::chrono::steady_clock::time_point steady) {
  const std::chrono::nanoseconds drift =
      std::chrono::seconds(base::to_unix(now)) - steady.time_since_epoch();
  const auto before = drift_.value_or(drift);
  if (std::chrono::abs(drift - before) <= kMaxDrift) {
    if (!drift_) drift_ = drift;
    return false;
  }
  drift_ = drift;
  return true;
}

nostr::Signature OwnMode::sign_batch(ShareIndex to, std::span<const WireNonce> nonces) const {
  return transport_.sign(batch_digest(group_.id(), hello_.member, to, hello_.boot, nonces), rng_);
}

bool OwnMode::check_batch(ShareIndex from, std::span<const WireNonce> nonces,
                          const nostr::Signature& signature) const {
  const Hello* issuer = pinned(from);
  return issuer != nullptr &&
         nostr::verify(issuer->key,
                       batch_digest(group_.id(), from, hello_.member, issuer->boot, nonces),
                       signature);
}

}  // namespace frostr
