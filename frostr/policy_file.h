// policy.toml: reading a co-signer's policy strictly, and writing the commented file it starts with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frostr/policy.h"
#include "nostr/base/result.h"

namespace frostr {

/// Parses policy.toml. Strict, because a misspelt rule is a rule that does not hold: an unknown key
/// is kInvalid with the closest known one as hint, every value is range-checked, contradictions
/// (`level = "supervised"` beside a `verdict = "sign"`, a rule for a kind that is never signed,
/// money signed without limits) are named. `name` is the file's name for error texts. Keys are hex or npub.
base::Result<Policy> parse_policy(std::string_view toml, std::string_view name = "policy.toml");

/// What `cosigner init` knows when it writes the first policy.
struct PolicySeed {
  std::vector<nostr::PublicKey> operators;
  std::vector<nostr::PublicKey> decisions_from;  ///< service keys of the other co-signers
  std::vector<Requester> requesters;
  std::vector<std::string> relays;  ///< followed, and the only ones AUTH is signed for
  Level level = Level::kBounded;
};

/// A commented policy.toml that parse_policy() reads back as the seed with every default.
std::string write_policy(const PolicySeed& seed);

}  // namespace frostr
