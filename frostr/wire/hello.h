// The words two of our nodes need to talk apart from the shares: the hello of a process, and the
// signature over a batch of nonces. frostr/own_mode.h explains the whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "frostr/frost/shares.h"
#include "frostr/wire/messages.h"
#include "nostr/base/json.h"
#include "nostr/base/rng.h"
#include "nostr/crypto/keys.h"

namespace frostr {

/// One process of one member: the key it talks under, vouched for by the member's share.
struct Hello {
  ShareIndex member;
  nostr::PublicKey key;       ///< transport key, new with each process
  std::string boot;           ///< 16 hex digits, new with each life
  std::uint64_t life = 0;     ///< grows from one life of a home to the next, at most 2^53 - 1
  nostr::Signature voucher;   ///< by the share, over all of the above and the group
  nostr::Signature proof;     ///< by the transport key, over the same: nobody claims another's key
  friend bool operator==(const Hello&, const Hello&) = default;
};

/// A hello of the member that holds `share`, about `transport`.
Hello make_hello(const GroupPackage& group, ShareIndex member, const nostr::SecretKey& share,
                 const nostr::SecretKey& transport, std::string boot, std::uint64_t life,
                 base::Rng& rng);
/// That both signatures hold for this group, and the key is none of the group's shares.
bool is_genuine(const Hello& hello, const GroupPackage& group);

base::json::Value to_json(const Hello& hello);
/// nullopt for everything malformed: a peer without our own mode is just that.
std::optional<Hello> read_hello(const base::json::Value& object);

/// What the transport key of `from` signs when it issues `nonces` to `to`: group, both members,
/// boot, and each code with its points.
nostr::Sha256 batch_digest(const GroupId& group, ShareIndex from, ShareIndex to,
                           std::string_view boot, std::span<const WireNonce> nonces);

}  // namespace frostr
