// An invitation: who does what together, where, and under which name. One JSON object that its maker
// hands to the others by any channel; everybody compares its code, because whoever could change it on
// the way would choose the parties.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frostr/frost/shares.h"
#include "nostr/base/rng.h"

namespace frostr {

struct Invitation {
  enum class Kind {
    kDkg,      ///< a new key
    kRefresh,  ///< new shares for the same members
    kReshare,  ///< another threshold or roster
    kRepair,   ///< the share of a member that lost it
  };
  /// Somebody who takes part, known by a key apart from any share: what a renewal sends must stay
  /// closed to whoever stole the old share.
  struct Party {
    nostr::PublicKey host;
    std::optional<ShareIndex> holds;     ///< the share it has; none in a key generation
    std::optional<ShareIndex> receives;  ///< the share it is going to have
    friend bool operator==(const Party&, const Party&) = default;
  };

  Kind kind = Kind::kDkg;
  std::string nonce;                  ///< 64 hex: no two ceremonies are the same one
  std::vector<std::string> relays;
  std::uint32_t threshold = 0;        ///< of the group that comes out
  std::vector<Party> parties;         ///< the first made the invitation
  std::optional<GroupPackage> group;  ///< what is renewed; none in a key generation

  /// SHA-256 over the canonical text: every message of the ceremony names it.
  nostr::Sha256 id() const;
  /// The id for two people on the telephone: "3f9a-81c2-77de".
  std::string code() const;
  std::vector<nostr::PublicKey> hosts() const;
  /// The party's position; kNotFound when `host` is not invited.
  Result<std::size_t> find(const nostr::PublicKey& host) const;
  friend bool operator==(const Invitation&, const Invitation&) = default;
};

/// A key generation among `hosts`, the first of whom coordinates: party i becomes member i + 1.
/// kInvalid as check() says.
Result<Invitation> invite_to_dkg(const std::vector<nostr::PublicKey>& hosts, std::uint32_t threshold,
                                 std::vector<std::string> relays, base::Rng& rng);
/// That it can be held: distinct hosts (at most 64), 1 to 10 relay URLs, a possible threshold, and who
/// holds and receives what fits its kind. kInvalid names the rule.
Result<void> check(const Invitation& invitation);

/// "dkg", "refresh", "reshare", "repair".
std::string_view kind_name(Invitation::Kind kind);
std::string to_text(const Invitation& invitation);
/// Checked as well. kInvalid for everything malformed, unknown members included: an invitation means
/// the same to all or nothing.
Result<Invitation> parse_invitation(std::string_view text);

}  // namespace frostr
