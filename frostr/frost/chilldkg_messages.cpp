// Cutting messages into their fixed parts and putting them together.
#include "frostr/frost/chilldkg_messages.h"

#include "frostr/frost/hash.h"

namespace frostr::chilldkg {

using Kind = DkgFault::Kind;

namespace {

// Takes pieces off the front; the caller has checked the length of the whole.
class Cutter {
 public:
  explicit Cutter(ByteView bytes) : rest_(bytes) {}

  ByteView take(std::size_t size) {
    const ByteView out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }

  Result<std::vector<MaybePoint>> points(std::size_t count) {
    std::vector<MaybePoint> out;
    for (std::size_t i = 0; i < count; ++i) {
      TRY(const MaybePoint point, MaybePoint::from_bytes(take(33)));
      out.push_back(point);
    }
    return out;
  }

  Result<std::vector<Scalar>> scalars(std::size_t count) {
    std::vector<Scalar> out;
    for (std::size_t i = 0; i < count; ++i) {
      TRY(const Scalar scalar, Scalar::from_bytes(take(32)));
      out.push_back(scalar);
    }
    return out;
  }

  std::vector<nostr::Signature> signatures(std::size_t count) {
    std::vector<nostr::Signature> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(*nostr::Signature::from_bytes(take(64)));
    return out;
  }

  std::vector<base::Bytes> chunks(std::size_t count) {
    std::vector<base::Bytes> out;
    for (std::size_t i = 0; i < count; ++i) {
      const ByteView chunk = take(33);
      out.emplace_back(chunk.begin(), chunk.end());
    }
    return out;
  }

 private:
  ByteView rest_;
};

void put(base::Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void put_points(base::Bytes& out, std::span<const MaybePoint> points) {
  for (const MaybePoint& point : points) put(out, point.bytes());
}

template <class Values>
void put_views(base::Bytes& out, const Values& values) {
  for (const auto& value : values) put(out, value.view());
}

std::unexpected<DkgFault> wrong_length(std::size_t got, std::size_t expected) {
  return std::unexpected(DkgFault(Kind::kInput, "message is " + std::to_string(got) +
                                                    " bytes, expected " + std::to_string(expected)));
}

// What is wrong with the values of a message, blamed on who sent it.
std::unexpected<DkgFault> malformed(Kind kind, const base::Error& error) {
  return std::unexpected(DkgFault(kind, error.detail));
}

}  // namespace

DkgResult<ParticipantMsg1> ParticipantMsg1::parse(ByteView bytes, std::size_t t, std::size_t n) {
  if (bytes.size() != size(t, n)) return wrong_length(bytes.size(), size(t, n));
  Cutter cut(bytes);
  auto terms = cut.points(t);
  if (!terms) return malformed(Kind::kParticipant, terms.error());
  const nostr::Signature pop = cut.signatures(1).front();
  base::Bytes pubnonce = cut.chunks(1).front();
  auto shares = cut.scalars(n);
  if (!shares) return malformed(Kind::kParticipant, shares.error());
  return ParticipantMsg1{VssCommitment(*std::move(terms)), pop, std::move(pubnonce),
                         *std::move(shares)};
}

base::Bytes ParticipantMsg1::bytes() const {
  base::Bytes out = commitment.bytes();
  put(out, pop.view());
  put(out, pubnonce);
  put_views(out, enc_shares);
  return out;
}

DkgResult<CoordinatorMsg1> CoordinatorMsg1::parse(ByteView bytes, std::size_t t, std::size_t n) {
  if (bytes.size() != size(t, n)) return wrong_length(bytes.size(), size(t, n));
  Cutter cut(bytes);
  auto secrets = cut.points(n);
  if (!secrets) return malformed(Kind::kCoordinator, secrets.error());
  auto nonconst = cut.points(t - 1);
  if (!nonconst) return malformed(Kind::kCoordinator, nonconst.error());
  auto pops = cut.signatures(n);
  auto pubnonces = cut.chunks(n);
  auto shares = cut.scalars(n);
  if (!shares) return malformed(Kind::kCoordinator, shares.error());
  return CoordinatorMsg1{*std::move(secrets), *std::move(nonconst), std::move(pops),
                         std::move(pubnonces), *std::move(shares)};
}

base::Bytes CoordinatorMsg1::bytes() const {
  base::Bytes out;
  put_points(out, secrets);
  put_points(out, sum_nonconst);
  put_views(out, pops);
  for (const base::Bytes& pubnonce : pubnonces) put(out, pubnonce);
  put_views(out, enc_shares);
  return out;
}

VssCommitment CoordinatorMsg1::sum() const {
  std::vector<MaybePoint> terms{MaybePoint::sum(secrets)};
  terms.insert(terms.end(), sum_nonconst.begin(), sum_nonconst.end());
  return VssCommitment(std::move(terms));
}

DkgResult<InvestigationMsg> InvestigationMsg::parse(ByteView bytes, std::size_t n) {
  if (bytes.size() != 65 * n) return wrong_length(bytes.size(), 65 * n);
  Cutter cut(bytes);
  auto shares = cut.scalars(n);
  if (!shares) return malformed(Kind::kCoordinator, shares.error());
  auto points = cut.points(n);
  if (!points) return malformed(Kind::kCoordinator, points.error());
  return InvestigationMsg{*std::move(shares), *std::move(points)};
}

base::Bytes InvestigationMsg::bytes() const {
  base::Bytes out;
  put_views(out, enc_shares);
  put_points(out, public_shares);
  return out;
}

DkgResult<RecoveryData> RecoveryData::parse(ByteView bytes) {
  const auto broken = [] {
    return std::unexpected(DkgFault(Kind::kRecoveryData, "the recovery data is malformed"));
  };
  if (bytes.size() < 4) return broken();
  std::uint32_t t = 0;
  for (const std::uint8_t byte : bytes.first(4)) t = t << 8 | byte;
  if (t < 1 || t > kMaxGroupMembers || bytes.size() < 4 + std::size_t{33} * t) return broken();
  const std::size_t rest = bytes.size() - 4 - std::size_t{33} * t;
  const std::size_t n = rest / 162;
  if (rest % 162 != 0 || n < 1 || n > kMaxGroupMembers) return broken();

  Cutter cut(bytes.subspan(4));
  auto terms = cut.points(t);
  if (!terms) return broken();
  auto host_keys = cut.chunks(n);
  auto pubnonces = cut.chunks(n);
  auto shares = cut.scalars(n);
  if (!shares) return broken();
  return RecoveryData{t,
                      VssCommitment(*std::move(terms)),
                      std::move(host_keys),
                      std::move(pubnonces),
                      *std::move(shares),
                      cut.signatures(n)};
}

base::Bytes transcript(std::uint32_t threshold, const VssCommitment& sum,
                       std::span<const Point> host_keys, std::span<const base::Bytes> pubnonces,
                       std::span<const Scalar> enc_shares) {
  base::Bytes out;
  put(out, be32(threshold));
  put(out, sum.bytes());
  put_views(out, host_keys);
  for (const base::Bytes& pubnonce : pubnonces) put(out, pubnonce);
  put_views(out, enc_shares);
  return out;
}

}  // namespace frostr::chilldkg
