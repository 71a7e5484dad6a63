// Kind 39200: who the agent is, who holds its key and who may approve for it (nip-sa 3.1).
#pragma once

#include "nipsa/autonomy.h"
#include "nipsa/kinds.h"
#include "nipsa/reading.h"

namespace nipsa {

/// A holder of a share. `role` is marketplace, guardian, runner, backup or whatever was written.
struct ProfileSigner {
  nostr::PublicKey key;
  std::string role;
  friend bool operator==(const ProfileSigner&, const ProfileSigner&) = default;
};

struct Profile {
  std::string name;   ///< 1..128 characters after trimming
  std::string about;
  std::string picture;
  std::vector<std::string> capabilities;
  Autonomy autonomy = Autonomy::kSupervised;
  std::string version;
  unsigned threshold = 2;  ///< t, 1..n
  unsigned members = 3;    ///< n, 1..255
  std::vector<ProfileSigner> signers;
  nostr::PublicKey operator_key;
  std::vector<nostr::PublicKey> guardians;
  std::vector<nostr::PublicKey> runners;
  std::string keygen;  ///< "dkg" or "dealer"; empty = not said
  std::string lud16;
  std::vector<std::string> federations;
  std::vector<std::string> cashu_mints;  ///< in order of preference
  Json posture;                          ///< informational; null when absent
  friend bool operator==(const Profile&, const Profile&) = default;
};

Result<nostr::Draft> build_profile(const Profile& profile, UnixTime at);
/// Errors: E_KIND, E_SIZE, E_TAG_*, E_HEX, E_NUM (threshold), E_JSON (content, name).
Result<Profile> parse_profile(const nostr::Event& event);

/// Keys whose decision the agent itself accepts: guardians, the operator, signers in the guardian role.
std::vector<nostr::PublicKey> allowed_guardians(const Profile& profile);
/// Keys that may claim a tick: runners and the operator.
std::vector<nostr::PublicKey> allowed_runners(const Profile& profile);

}  // namespace nipsa
