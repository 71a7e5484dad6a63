// Faults in words.
#include "frostr/frost/dkg_fault.h"

namespace frostr {

using base::Errc;

namespace {

std::string named(const std::optional<std::size_t>& participant) {
  return participant ? "participant " + std::to_string(*participant + 1) : "a participant";
}

}  // namespace

base::Error to_error(const DkgFault& fault) {
  using Kind = DkgFault::Kind;
  switch (fault.kind) {
    case Kind::kInput:
    case Kind::kHostKey:
    case Kind::kThreshold:
    case Kind::kRandomness:
    case Kind::kRecoveryData:
      return {Errc::kInvalid, fault.detail, {}};
    case Kind::kHostPublicKey:
      return {Errc::kInvalid, named(fault.participant) + ": " + fault.detail, {}};
    case Kind::kDuplicateKey:
      return {Errc::kInvalid,
              named(fault.participant) + " and " + named(fault.other) + ": " + fault.detail,
              {}};
    case Kind::kParticipant:
      return {Errc::kCrypto, named(fault.participant) + " is faulty: " + fault.detail, {}};
    case Kind::kParticipantOrCoordinator:
      return {Errc::kCrypto,
              named(fault.participant) + " or the coordinator is faulty: " + fault.detail,
              {}};
    case Kind::kCoordinator:
      return {Errc::kCrypto, "the coordinator is faulty: " + fault.detail, {}};
    case Kind::kUnknown:
      return {Errc::kCrypto, "somebody is faulty: " + fault.detail, {}};
  }
  return {};
}

}  // namespace frostr
