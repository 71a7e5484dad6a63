// OwnMode: what two of our nodes agree on beyond bifrost, and how a restored home is found out.
//
// bifrost speaks under the shares, so whoever may do ECDH with a member's key can read what that
// member is sent. Between two of our nodes nothing secret travels like that:
//
//   hello   Every ping carries one (`own`): this process's transport key, boot and life, signed by
//           the member's share and by the transport key. The newest life of a member is pinned; an
//           older one never comes back. Stock peers ignore the member and stay on bifrost's wire.
//   talk    Once the other side says that it `listens` to our boot, sign and ecdh travel as events of the transport keys, in NIP-44
//           as it is written (standard base64). Ping, echo and onboard hold no secret and stay where
//           a peer that has restarted, or is none of ours, hears them.
//   batch   Nonces come with a signature of the issuer's transport key over group, both members,
//           boot, codes and points (`batch`). Of a pinned member nothing unsigned is kept.
//   seen    Every ping returns the last hello its sender knows of the reader. A life of ours that
//           our own database does not remember means that the home was restored, or that a second
//           process holds the share: the caller then drops every nonce, and a later life begins.
//
// Nonce secrets are in memory only, so a restored home alone cannot repeat one. A restored machine
// could: clock_jumped() tells when the wall clock left the monotonic one behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "frostr/wire/hello.h"
#include "nostr/base/clock.h"
#include "storage/kv.h"

namespace frostr {

/// App thread. `db` and `group` outlive it.
class OwnMode {
 public:
  /// Begins a life later than every one `db` remembers; on return it is durable.
  static Result<std::unique_ptr<OwnMode>> begin(storage::Db& db, const GroupPackage& group,
                                                const SecretShare& share,
                                                nostr::SecretKey transport, base::UnixTime now,
                                                base::Rng& rng);

  /// Of this process, at present.
  const Hello& hello() const { return hello_; }
  const nostr::SecretKey& transport() const { return transport_; }

  /// Takes what `from` said about itself. True when it is a life that was not pinned before; false
  /// for a known, an older or a forged one.
  Result<bool> on_hello(ShareIndex from, const Hello& hello);
  /// `from` runs without our own mode now.
  void unpin(ShareIndex from) { pinned_.erase(from); }
  /// The hello of a member that has spoken to this process, or nullptr.
  const Hello* pinned(ShareIndex member) const;
  /// The last hello known of a member, also from earlier runs: what it is shown as `seen`.
  std::optional<Hello> last_known(ShareIndex member);
  /// Takes what a member last saw of us. True when it proves a life that we do not remember; a later
  /// life has then begun.
  Result<bool> on_seen(const Hello& seen, base::UnixTime now);
  /// True once after wall and monotonic clock moved apart by more than kMaxDrift: this machine was
  /// suspended, restored or set.
  bool clock_jumped(base::UnixTime now, std::chrono::steady_clock::time_point steady);
  /// A later life of the same process, after a doubt.
  Result<void> begin_again(base::UnixTime now);

  nostr::Signature sign_batch(ShareIndex to, std::span<const WireNonce> nonces) const;
  /// Whether the pinned key of `from` signed these for us.
  bool check_batch(ShareIndex from, std::span<const WireNonce> nonces,
                   const nostr::Signature& signature) const;

  static constexpr std::chrono::seconds kMaxDrift{10};

 private:
  OwnMode(storage::Db& db, const GroupPackage& group, ShareIndex self, nostr::SecretKey share,
          nostr::SecretKey transport, base::Rng& rng);

  storage::Kv kv_;
  const GroupPackage& group_;
  nostr::SecretKey share_;
  nostr::SecretKey transport_;
  base::Rng& rng_;
  std::uint64_t remembered_ = 0;  ///< the latest life before this process that we know of
  Hello hello_;
  std::map<ShareIndex, Hello> pinned_;
  std::optional<std::chrono::nanoseconds> drift_;  ///< wall minus monotonic
};

}  // namespace frostr
