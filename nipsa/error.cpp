// Codes as a prefix of Error::detail.
#include "nipsa/error.h"

#include <array>
#include <utility>

namespace nipsa {

namespace {

struct Named {
  Code code;
  std::string_view name;
  base::Errc errc;
};

using base::Errc;

constexpr std::array<Named, 27> kCodes{{
    {Code::kKind, "E_KIND", Errc::kInvalid},
    {Code::kSig, "E_SIG", Errc::kCrypto},
    {Code::kSize, "E_SIZE", Errc::kLimit},
    {Code::kJson, "E_JSON", Errc::kInvalid},
    {Code::kTagMissing, "E_TAG_MISSING", Errc::kInvalid},
    {Code::kTagBad, "E_TAG_BAD", Errc::kInvalid},
    {Code::kTagDup, "E_TAG_DUP", Errc::kInvalid},
    {Code::kHex, "E_HEX", Errc::kInvalid},
    {Code::kNum, "E_NUM", Errc::kInvalid},
    {Code::kEnum, "E_ENUM", Errc::kInvalid},
    {Code::kSigner, "E_SIGNER", Errc::kDenied},
    {Code::kFuture, "E_FUTURE", Errc::kInvalid},
    {Code::kStale, "E_STALE", Errc::kConflict},
    {Code::kExpired, "E_EXPIRED", Errc::kTimeout},
    {Code::kReplay, "E_REPLAY", Errc::kConflict},
    {Code::kConflict, "E_CONFLICT", Errc::kConflict},
    {Code::kRef, "E_REF", Errc::kNotFound},
    {Code::kHash, "E_HASH", Errc::kCrypto},
    {Code::kChain, "E_CHAIN", Errc::kCrypto},
    {Code::kBudget, "E_BUDGET", Errc::kLimit},
    {Code::kAuthz, "E_AUTHZ", Errc::kDenied},
    {Code::kRevoked, "E_REVOKED", Errc::kDenied},
    {Code::kUntrusted, "E_UNTRUSTED", Errc::kDenied},
    {Code::kCrypto, "E_CRYPTO", Errc::kCrypto},
    {Code::kVersion, "E_VERSION", Errc::kUnsupported},
    {Code::kState, "E_STATE", Errc::kConflict},
    {Code::kAmbiguous, "E_AMBIGUOUS", Errc::kInvalid},
}};

const Named& named(Code code) {
  return kCodes[static_cast<std::size_t>(std::to_underlying(code))];
}

}  // namespace

std::string_view code_name(Code code) {
  return named(code).name;
}

std::unexpected<base::Error> fail(Code code, std::string_view what) {
  return base::fail(named(code).errc, std::string(named(code).name) + ": " + std::string(what));
}

std::optional<Code> code_of(const base::Error& error) {
  const std::string_view prefix = std::string_view(error.detail).substr(0, error.detail.find(':'));
  for (const Named& row : kCodes)
    if (row.name == prefix) return row.code;
  return std::nullopt;
}

}  // namespace nipsa
