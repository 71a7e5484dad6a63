// ChillDKG: a FROST key that is never whole anywhere, over any channel, with an untrusted
// coordinator. Two rounds: everybody deals (round 1), everybody signs the transcript (round 2), so
// that whoever finishes can convince the rest. Source: BlockstreamResearch/bip-frost-dkg, draft
// 0.3.0-dev, commit a918968.
//
// A decision to know about: the draft claims security for BIP-445 signing only. We also sign with
// the bifrost suite (suite.h), as Nostr groups do, under shares generated here. Both suites rest on
// the same shares of one polynomial and on FROST's own proofs, but that pairing is outside the
// draft's claim. The shares themselves fit both, so a group can move to BIP-445 without a new key.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "frostr/frost/chilldkg_messages.h"
#include "frostr/frost/shares.h"

namespace frostr::chilldkg {

/// A participant's long-term secret. Together with a session's recovery data it is the backup.
class HostKey {
 public:
  /// kInput unless 32 bytes; kHostKey for zero and values not below the group order.
  static DkgResult<HostKey> from_bytes(ByteView bytes);
  const SecretScalar& secret() const { return secret_; }
  const Point& public_key() const { return public_key_; }

 private:
  HostKey(SecretScalar secret, const Point& public_key)
      : secret_(std::move(secret)), public_key_(public_key) {}
  SecretScalar secret_;
  Point public_key_;
};

/// Who generates and how many will have to sign. Every participant must have made sure of the host
/// keys by itself; hash() is what they compare.
class SessionParams {
 public:
  /// 33-byte keys in the order all agree on. kThreshold, kHostPublicKey, kDuplicateKey; at most 256.
  static DkgResult<SessionParams> create(std::span<const base::Bytes> host_keys,
                                         std::uint32_t threshold);
  const std::vector<Point>& host_keys() const { return host_keys_; }
  std::uint32_t threshold() const { return threshold_; }
  std::size_t participants() const { return host_keys_.size(); }
  nostr::Sha256 hash() const;
  /// Position of a key; kHostKey when it is none of the session's.
  DkgResult<std::size_t> find(const Point& host_key) const;
  friend bool operator==(const SessionParams&, const SessionParams&) = default;

 private:
  SessionParams(std::vector<Point> host_keys, std::uint32_t threshold)
      : host_keys_(std::move(host_keys)), threshold_(threshold) {}
  std::vector<Point> host_keys_;
  std::uint32_t threshold_;
};

/// What a session gives. Participant i's share is f(i + 1), so it is member i + 1 of the group.
struct Output {
  std::optional<SecretScalar> share;  ///< absent for a coordinator
  Point threshold_key;
  std::vector<Point> public_shares;
};
/// The output as the group the rest of the program knows; kInvalid for a threshold of 1.
Result<GroupPackage> to_group(const Output& output, std::uint32_t threshold);

/// An output that all signed for, and the same for all, what restores it from a host key.
struct Finished {
  Output output;
  base::Bytes recovery_data;
};

/// After step 1. Holds no secret: running start() again with the same inputs gives the same.
class Participant1 {
 public:
  /// `random` must be fresh for every session; kRandomness when it is all zero.
  static DkgResult<Participant1> start(const HostKey& host, SessionParams params,
                                       const base::Secret<32>& random);
  const base::Bytes& message() const { return message_; }  ///< to the coordinator
  const SessionParams& params() const { return params_; }

  /// Checks the dealings and signs the transcript. Run it on one coordinator message only, ever.
  /// After it the host key must be kept even if nothing comes back: others may have finished.
  /// kUnknown when only an investigation can tell who is faulty.
  DkgResult<class Participant2> step2(const HostKey& host, ByteView coordinator_message,
                                      const base::Secret<32>& aux) const;
  /// Who is to blame for the kUnknown that step2() gave, from the coordinator's investigation
  /// message. Always a fault; kInput when nothing is wrong.
  DkgFault investigate(const HostKey& host, ByteView coordinator_message,
                       ByteView investigation) const;

 private:
  struct Received;
  Participant1(SessionParams params, std::size_t id, MaybePoint secret, base::Bytes pubnonce,
               base::Bytes message)
      : params_(std::move(params)),
        id_(id),
        secret_(secret),
        pubnonce_(std::move(pubnonce)),
        message_(std::move(message)) {}
  DkgResult<Received> receive(const HostKey& host, ByteView coordinator_message) const;
  SessionParams params_;
  std::size_t id_;
  MaybePoint secret_;  ///< our commitment's constant term
  base::Bytes pubnonce_;
  base::Bytes message_;
};

/// After step 2: waits for everybody's signature.
class Participant2 {
 public:
  const base::Bytes& message() const { return message_; }  ///< to the coordinator: 64 bytes
  /// kCoordinator when a signature of the certificate is wrong. A fault here does not mean that the
  /// session failed for the others.
  DkgResult<Finished> finish(ByteView certificate) const;

 private:
  friend class Participant1;
  Participant2(SessionParams params, base::Bytes transcript, Output output, base::Bytes message)
      : params_(std::move(params)),
        transcript_(std::move(transcript)),
        output_(std::move(output)),
        message_(std::move(message)) {}
  SessionParams params_;
  base::Bytes transcript_;
  Output output_;
  base::Bytes message_;
};

/// The one who collects and relays; trusted with nothing.
class Coordinator {
 public:
  /// One message of each participant, in order. kInput for wrong counts and lengths, kParticipant.
  static DkgResult<Coordinator> start(SessionParams params, std::span<const base::Bytes> messages);
  const base::Bytes& message() const { return message_; }  ///< to all participants
  /// The certificate, for all participants. kParticipant names a wrong signature.
  struct Certified {
    base::Bytes certificate;
    Finished finished;
  };
  DkgResult<Certified> finish(std::span<const base::Bytes> messages) const;

  /// One message per participant, for those whose step 2 said kUnknown.
  static DkgResult<std::vector<base::Bytes>> investigate(const SessionParams& params,
                                                         std::span<const base::Bytes> messages);

 private:
  Coordinator(SessionParams params, base::Bytes transcript, Output output, base::Bytes message)
      : params_(std::move(params)),
        transcript_(std::move(transcript)),
        output_(std::move(output)),
        message_(std::move(message)) {}
  SessionParams params_;
  base::Bytes transcript_;
  Output output_;
  base::Bytes message_;
};

struct Recovered {
  Output output;
  SessionParams params;
};
/// Everything back from a host key and the session's recovery data (with no host key: what a
/// coordinator has). kRecoveryData, or kHostKey when the key took no part.
DkgResult<Recovered> recover(const HostKey* host, ByteView recovery_data);

/// A participant's word that it holds the recovery data; the group key should not be used before
/// everybody gave it.
Result<nostr::Signature> acknowledge(const HostKey& host, const SessionParams& params,
                                     ByteView recovery_data, const base::Secret<32>& aux);
bool check_acknowledgement(const SessionParams& params, std::size_t participant,
                           ByteView recovery_data, const nostr::Signature& signature);

}  // namespace frostr::chilldkg
