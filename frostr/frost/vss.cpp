// Polynomials over secret scalars and over points.
#include "frostr/frost/vss.h"

#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;

Result<SecretScalar> evaluate(std::span<const SecretScalar> coefficients, ShareIndex idx) {
  SecretScalar sum = coefficients.back().clone();
  for (std::size_t k = coefficients.size() - 1; k-- > 0;) {
    TRY(sum.multiply(Scalar::from_u32(idx.value)));
    TRY(sum.add(coefficients[k]));
  }
  return sum;
}

VssCommitment::VssCommitment(std::vector<MaybePoint> terms) : terms_(std::move(terms)) {
  CHECK(!terms_.empty());
}

Result<VssCommitment> VssCommitment::of(std::span<const SecretScalar> coefficients) {
  std::vector<MaybePoint> terms;
  for (const SecretScalar& coefficient : coefficients) {
    TRY(const Point point, Point::base_times(coefficient));
    terms.emplace_back(point);
  }
  return VssCommitment(std::move(terms));
}

Result<VssCommitment> VssCommitment::from_bytes(ByteView bytes) {
  if (bytes.empty() || bytes.size() % 33 != 0)
    return fail(Errc::kInvalid, "a commitment is a multiple of 33 bytes");
  std::vector<MaybePoint> terms;
  for (std::size_t at = 0; at < bytes.size(); at += 33) {
    TRY(const MaybePoint term, MaybePoint::from_bytes(bytes.subspan(at, 33)));
    terms.push_back(term);
  }
  return VssCommitment(std::move(terms));
}

MaybePoint VssCommitment::public_share(ShareIndex idx) const {
  const Scalar x = Scalar::from_u32(idx.value);
  MaybePoint sum = terms_.back();
  for (std::size_t k = terms_.size() - 1; k-- > 0;) sum = sum.times_vartime(x) + terms_[k];
  return sum;
}

bool VssCommitment::matches(ShareIndex idx, const SecretScalar& share) const {
  const auto point = Point::base_times(share);
  return point && MaybePoint(*point) == public_share(idx);
}

base::Bytes VssCommitment::bytes() const {
  base::Bytes out;
  for (const MaybePoint& term : terms_) {
    const auto bytes = term.bytes();
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

}  // namespace frostr
