// Feldman's verifiable secret sharing: a polynomial's values are shares, its coefficients times G
// let everybody check them.
#pragma once

#include <span>
#include <vector>

#include "frostr/frost/shares.h"

namespace frostr {

/// f(idx) by Horner's rule, constant time. At least one coefficient, constant term first.
Result<SecretScalar> evaluate(std::span<const SecretScalar> coefficients, ShareIndex idx);

/// The public side of a polynomial, or of a sum of polynomials. Terms may be infinity, so that no
/// participant can make the sum of valid commitments invalid.
class VssCommitment {
 public:
  /// At least one term, constant term first.
  explicit VssCommitment(std::vector<MaybePoint> terms);
  static Result<VssCommitment> of(std::span<const SecretScalar> coefficients);
  /// 33 bytes a term; kCrypto when one is neither a point nor zero.
  static Result<VssCommitment> from_bytes(ByteView bytes);

  const std::vector<MaybePoint>& terms() const { return terms_; }
  const MaybePoint& secret() const { return terms_.front(); }  ///< f(0)·G
  /// f(idx)·G, variable time.
  MaybePoint public_share(ShareIndex idx) const;
  /// Whether `share` is f(idx).
  bool matches(ShareIndex idx, const SecretScalar& share) const;
  base::Bytes bytes() const;
  friend bool operator==(const VssCommitment&, const VssCommitment&) = default;

 private:
  std::vector<MaybePoint> terms_;
};

}  // namespace frostr
