// The typed errors of NIP-SA, carried inside base::Error so that they travel like any other.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nostr/base/result.h"

namespace nipsa {

/// What is wrong with an event or a step, by the names peers and tests use.
enum class Code {
  kKind, kSig, kSize, kJson, kTagMissing, kTagBad, kTagDup, kHex, kNum, kEnum, kSigner, kFuture,
  kStale, kExpired, kReplay, kConflict, kRef, kHash, kChain, kBudget, kAuthz, kRevoked, kUntrusted,
  kCrypto, kVersion, kState, kAmbiguous,
};

/// "E_TAG_MISSING" and so on.
std::string_view code_name(Code code);

/// An error whose detail starts with the code's name: "E_TAG_MISSING: threshold".
std::unexpected<base::Error> fail(Code code, std::string_view what);

/// The code an error carries, or nullopt when it did not come from this floor.
std::optional<Code> code_of(const base::Error& error);

}  // namespace nipsa
