// The byte formats of ChillDKG (draft 0.3.0): everything has a length that follows from t and n.
#pragma once

#include <vector>

#include "frostr/frost/dkg_fault.h"
#include "frostr/frost/vss.h"

namespace frostr::chilldkg {

/// Participant to coordinator, round 1: 33t + 97 + 32n bytes.
struct ParticipantMsg1 {
  VssCommitment commitment;
  nostr::Signature pop;               ///< proof of possession of the commitment's secret
  base::Bytes pubnonce;               ///< 33 bytes, parsed by who needs the point
  std::vector<Scalar> enc_shares;     ///< one for each participant

  static std::size_t size(std::size_t t, std::size_t n) { return 33 * t + 97 + 32 * n; }
  /// kInput for a wrong length; kParticipant (without a number) for values out of range.
  static DkgResult<ParticipantMsg1> parse(ByteView bytes, std::size_t t, std::size_t n);
  base::Bytes bytes() const;
};

/// Coordinator to all, round 1: 162n + 33(t-1) bytes.
struct CoordinatorMsg1 {
  std::vector<MaybePoint> secrets;       ///< each participant's commitment to its secret
  std::vector<MaybePoint> sum_nonconst;  ///< the other terms, summed over all
  std::vector<nostr::Signature> pops;
  std::vector<base::Bytes> pubnonces;
  std::vector<Scalar> enc_shares;        ///< summed over the senders, one for each participant

  static std::size_t size(std::size_t t, std::size_t n) { return 162 * n + 33 * (t - 1); }
  /// kInput for a wrong length, kCoordinator for values out of range.
  static DkgResult<CoordinatorMsg1> parse(ByteView bytes, std::size_t t, std::size_t n);
  base::Bytes bytes() const;
  /// The commitment to the sum of all polynomials.
  VssCommitment sum() const;
};

/// Coordinator to one participant, when its share does not check out: 65n bytes.
struct InvestigationMsg {
  std::vector<Scalar> enc_shares;           ///< what each sender encrypted to this participant
  std::vector<MaybePoint> public_shares;    ///< and what each committed to

  static DkgResult<InvestigationMsg> parse(ByteView bytes, std::size_t n);
  base::Bytes bytes() const;
};

/// What all sign in round 2 (the transcript) and the signatures: 4 + 33t + 162n bytes.
struct RecoveryData {
  std::uint32_t threshold = 0;
  VssCommitment sum;
  std::vector<base::Bytes> host_keys;  ///< 33 bytes each
  std::vector<base::Bytes> pubnonces;
  std::vector<Scalar> enc_shares;
  std::vector<nostr::Signature> certificate;

  /// kRecoveryData for everything malformed; at most 256 participants.
  static DkgResult<RecoveryData> parse(ByteView bytes);
};

/// The transcript alone.
base::Bytes transcript(std::uint32_t threshold, const VssCommitment& sum,
                       std::span<const Point> host_keys, std::span<const base::Bytes> pubnonces,
                       std::span<const Scalar> enc_shares);

}  // namespace frostr::chilldkg
