// Why a key generation, or a later change of its shares, did not come about, and who is to blame.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "nostr/base/result.h"

namespace frostr {

/// Participants are named by their position in the session, from 0.
struct DkgFault {
  enum class Kind {
    kInput,          ///< what we were called with, or a message of the wrong length
    kHostKey,        ///< our host key is no key, or not one of this session
    kThreshold,      ///< not 1 ≤ threshold ≤ participants
    kHostPublicKey,  ///< `participant`'s is no point
    kDuplicateKey,   ///< `participant` and `other` have the same host key
    kRandomness,     ///< the generator gave zeros
    kParticipant,    ///< `participant` cheated or is broken
    kParticipantOrCoordinator,  ///< `participant` or the coordinator did; they cannot be told apart
    kCoordinator,               ///< the coordinator did
    kUnknown,                   ///< somebody did: ask the coordinator to investigate
    kRecoveryData,              ///< the backup is damaged or of another session
  };
  Kind kind = Kind::kInput;
  std::string detail;
  std::optional<std::size_t> participant;
  std::optional<std::size_t> other;

  DkgFault(Kind kind_, std::string detail_, std::optional<std::size_t> participant_ = {},
           std::optional<std::size_t> other_ = {})
      : kind(kind_), detail(std::move(detail_)), participant(participant_), other(other_) {}
  /// Arithmetic that failed on our own input. Implicit, so that TRY crosses over.
  DkgFault(base::Error error) : detail(std::move(error.detail)) {}  // NOLINT(google-explicit-constructor)
};

template <class T>
using DkgResult = std::expected<T, DkgFault>;

/// The fault for a person: names the participants by position (from 1), kCrypto when somebody
/// cheated and kInvalid when the input is ours.
base::Error to_error(const DkgFault& fault);

}  // namespace frostr
