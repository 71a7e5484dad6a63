// The roles of a session and recovery.
#include "frostr/frost/chilldkg.h"

#include <algorithm>

#include "frostr/frost/encpedpop.h"
#include "frostr/frost/hash.h"
#include "frostr/frost/schnorr.h"
#include "frostr/frost/simplpedpop.h"

namespace frostr::chilldkg {

using Kind = DkgFault::Kind;

namespace {

template <class... Args>
std::unexpected<DkgFault> fault(Kind kind, std::string detail, Args... participants) {
  return std::unexpected(DkgFault(kind, std::move(detail), participants...));
}

PadContext pad_context(const SessionParams& params) {
  const auto threshold = be32(params.threshold());
  base::Bytes binding(threshold.begin(), threshold.end());
  for (const Point& key : params.host_keys())
    binding.insert(binding.end(), key.view().begin(), key.view().end());
  return {params.host_keys(), std::move(binding)};
}

// What participant `id` signs: a purpose padded to 33 bytes (BIP-340 "Domain separation"), who it is
// and the data.
base::Bytes signed_message(std::string_view purpose, std::size_t id, ByteView data) {
  base::Bytes out(33, 0);
  const std::string tag = "BIP DKG/" + std::string(purpose);
  CHECK(tag.size() <= out.size());
  std::ranges::copy(tag, out.begin());
  const auto position = be32(static_cast<std::uint32_t>(id));
  out.insert(out.end(), position.begin(), position.end());
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

constexpr std::string_view kCertificate = "certeq message";
constexpr std::string_view kAcknowledgement = "recovery acknowledgment";

// The key's parity is in the transcript, so its x is enough here.
bool check_signature(std::string_view purpose, const SessionParams& params, std::size_t id,
                     ByteView data, const nostr::Signature& signature) {
  return schnorr_verify(kBip340Tag, params.host_keys()[id].x_only(),
                        signed_message(purpose, id, data), signature);
}

// The first participant whose signature of the transcript is wrong.
std::optional<std::size_t> find_forged(const SessionParams& params, ByteView transcript,
                                       std::span<const nostr::Signature> certificate) {
  for (std::size_t id = 0; id < params.participants(); ++id)
    if (!check_signature(kCertificate, params, id, transcript, certificate[id])) return id;
  return std::nullopt;
}

base::Bytes joined(ByteView a, ByteView b) {
  base::Bytes out(a.begin(), a.end());
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

Output clone(const Output& output) {
  return {output.share ? std::optional(output.share->clone()) : std::nullopt,
          output.threshold_key, output.public_shares};
}

DkgResult<std::vector<ParticipantMsg1>> parse_all(const SessionParams& params,
                                                  std::span<const base::Bytes> messages) {
  if (messages.size() != params.participants())
    return fault(Kind::kInput, "there is not one message for each participant");
  std::vector<ParticipantMsg1> out;
  for (std::size_t id = 0; id < messages.size(); ++id) {
    auto parsed = ParticipantMsg1::parse(messages[id], params.threshold(), params.participants());
    if (!parsed && parsed.error().kind == Kind::kParticipant)
      return fault(Kind::kParticipant, parsed.error().detail, id);
    if (!parsed) return std::unexpected(parsed.error());
    out.push_back(*std::move(parsed));
  }
  return out;
}

ShareIndex index_of(std::size_t id) { return {static_cast<std::uint32_t>(id + 1)}; }

}  // namespace

// --- keys and parameters -----------------------------------------------------------------------

DkgResult<HostKey> HostKey::from_bytes(ByteView bytes) {
  if (bytes.size() != 32) return fault(Kind::kInput, "a host secret key is 32 bytes");
  auto secret = SecretScalar::from_bytes(std::span<const std::uint8_t, 32>(bytes));
  if (!secret) return fault(Kind::kHostKey, "the host secret key is no valid key");
  TRY(const Point public_key, Point::base_times(*secret));
  return HostKey(*std::move(secret), public_key);
}

DkgResult<SessionParams> SessionParams::create(std::span<const base::Bytes> host_keys,
                                               std::uint32_t threshold) {
  if (threshold < 1 || threshold > host_keys.size() || host_keys.size() > kMaxGroupMembers)
    return fault(Kind::kThreshold,
                 "threshold " + std::to_string(threshold) + " of " +
                     std::to_string(host_keys.size()) + " participants is not possible, at most " +
                     std::to_string(kMaxGroupMembers));
  std::vector<Point> points;
  for (std::size_t id = 0; id < host_keys.size(); ++id) {
    const auto point = Point::from_bytes(host_keys[id]);
    if (!point) return fault(Kind::kHostPublicKey, "the host public key is no point", id);
    points.push_back(*point);
  }
  for (std::size_t id = 0; id < points.size(); ++id) {
    const auto earlier = std::ranges::find(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(id), points[id]);
    const auto position = static_cast<std::size_t>(earlier - points.begin());
    if (position < id)
      return fault(Kind::kDuplicateKey, "the same host public key twice", position, id);
  }
  return SessionParams(std::move(points), threshold);
}

nostr::Sha256 SessionParams::hash() const {
  return nostr::tagged_hash("BIP DKG/params_hash", pad_context(*this).binding);
}

DkgResult<std::size_t> SessionParams::find(const Point& host_key) const {
  const auto it = std::ranges::find(host_keys_, host_key);
  if (it == host_keys_.end())
    return fault(Kind::kHostKey, "the host key is none of the session's");
  return static_cast<std::size_t>(it - host_keys_.begin());
}

Result<GroupPackage> to_group(const Output& output, std::uint32_t threshold) {
  std::vector<GroupMember> members;
  for (std::size_t id = 0; id < output.public_shares.size(); ++id)
    members.push_back({index_of(id), output.public_shares[id]});
  return GroupPackage::create(output.threshold_key, threshold, std::move(members));
}

// --- participant -------------------------------------------------------------------------------

DkgResult<Participant1> Participant1::start(const HostKey& host, SessionParams params,
                                            const base::Secret<32>& random) {
  TRY(const std::size_t id, params.find(host.public_key()));
  if (base::constant_time_equal(random.expose(), base::Secret<32>().expose()))
    return fault(Kind::kRandomness, "the random number generator gave zeros");

  // The pads' nonce comes from the same seed as the shares: two different sets of shares are never
  // hidden under the same pads.
  const PadContext context = pad_context(params);
  const auto seed = secret_tagged_hash("BIP DKG/encpedpop seed", {host.secret().expose(),
                                                                  random.expose(), context.binding});
  TRY(const SecretScalar nonce,
      SecretScalar::from_bytes(
          secret_tagged_hash("BIP DKG/encpedpop secnonce", {seed.expose()}).expose()));
  TRY(const Point pubnonce, Point::base_times(nonce));
  TRY(const Dealing dealing, deal(seed, params.threshold(), params.participants(), id));
  TRY(const auto pads, sender_pads(nonce, host.secret(), id, context));

  ParticipantMsg1 message{dealing.commitment, dealing.pop,
                          base::Bytes(pubnonce.view().begin(), pubnonce.view().end()), {}};
  for (std::size_t i = 0; i < pads.size(); ++i) {
    TRY(const Scalar hidden, encrypt_share(dealing.shares[i], pads[i]));
    message.enc_shares.push_back(hidden);
  }
  return Participant1(std::move(params), id, dealing.commitment.secret(), message.pubnonce,
                      message.bytes());
}

// The coordinator's first message, understood and decrypted.
struct Participant1::Received {
  CoordinatorMsg1 message;
  std::vector<SecretScalar> pads;
  SecretScalar share;  ///< before the tweak
};

DkgResult<Participant1::Received> Participant1::receive(const HostKey& host,
                                                        ByteView coordinator_message) const {
  if (host.public_key() != params_.host_keys()[id_])
    return fault(Kind::kHostKey, "the host key is not the one the session began with");
  TRY(CoordinatorMsg1 message,
      CoordinatorMsg1::parse(coordinator_message, params_.threshold(), params_.participants()));
  if (message.pubnonces[id_] != pubnonce_)
    return fault(Kind::kCoordinator, "it relayed another public nonce of ours than we sent");
  TRY(auto pads, receiver_pads(host.secret(), id_, message.pubnonces, pad_context(params_)));
  TRY(SecretScalar share, decrypt_share(message.enc_shares[id_], pads));
  return Received{std::move(message), std::move(pads), std::move(share)};
}

DkgResult<Participant2> Participant1::step2(const HostKey& host, ByteView coordinator_message,
                                            const base::Secret<32>& aux) const {
  TRY(Received received, receive(host, coordinator_message));
  TRY(check_dealings(received.message, secret_, id_));
  const VssCommitment sum = received.message.sum();
  if (!sum.matches(index_of(id_), received.share))
    return fault(Kind::kUnknown, "our share does not fit the commitments");

  TRY(Group group, derive_group(sum, params_.participants()));
  TRY(received.share.add(group.tweak));
  base::Bytes record = transcript(params_.threshold(), sum, params_.host_keys(),
                                  received.message.pubnonces, received.message.enc_shares);
  TRY(const nostr::Signature signature,
      schnorr_sign(kBip340Tag, host.secret(), signed_message(kCertificate, id_, record), aux));
  return Participant2(
      params_, std::move(record),
      Output{std::move(received.share), group.threshold_key, std::move(group.public_shares)},
      base::Bytes(signature.view().begin(), signature.view().end()));
}

DkgFault Participant1::investigate(const HostKey& host, ByteView coordinator_message,
                                   ByteView investigation) const {
  const auto received = receive(host, coordinator_message);
  if (!received) return received.error();
  const auto told = InvestigationMsg::parse(investigation, params_.participants());
  if (!told) return told.error();

  if (MaybePoint::sum(told->public_shares) != received->message.sum().public_share(index_of(id_)))
    return {Kind::kCoordinator, "the partial public shares do not add up"};
  Scalar sum;
  for (const Scalar& share : told->enc_shares) sum = sum + share;
  if (sum != received->message.enc_shares[id_])
    return {Kind::kCoordinator, "the partial encrypted shares do not add up"};
  for (std::size_t id = 0; id < told->enc_shares.size(); ++id) {
    const auto share = decrypt_share(told->enc_shares[id], std::span(received->pads).subspan(id, 1));
    const auto point = share ? Point::base_times(*share) : Result<Point>(std::unexpect);
    if (point && MaybePoint(*point) == told->public_shares[id]) continue;
    if (id == id_) return {Kind::kCoordinator, "it changed the share from us to ourselves"};
    return {Kind::kParticipantOrCoordinator, "the share sent to us does not fit the commitment", id};
  }
  return {Kind::kInput, "there is nothing wrong to investigate"};
}

DkgResult<Finished> Participant2::finish(ByteView certificate) const {
  if (certificate.size() != 64 * params_.participants())
    return fault(Kind::kInput, "the certificate is not one signature of each participant");
  std::vector<nostr::Signature> signatures;
  for (std::size_t at = 0; at < certificate.size(); at += 64)
    signatures.push_back(*nostr::Signature::from_bytes(certificate.subspan(at, 64)));
  if (find_forged(params_, transcript_, signatures))
    return fault(Kind::kCoordinator, "its certificate has an invalid signature");
  return Finished{clone(output_), joined(transcript_, certificate)};
}

// --- coordinator -------------------------------------------------------------------------------

DkgResult<Coordinator> Coordinator::start(SessionParams params,
                                          std::span<const base::Bytes> messages) {
  TRY(const auto parsed, parse_all(params, messages));
  const std::size_t n = params.participants();
  CoordinatorMsg1 out;
  out.enc_shares.resize(n);
  std::vector<std::vector<MaybePoint>> columns(params.threshold() - 1);
  for (const ParticipantMsg1& message : parsed) {
    out.secrets.push_back(message.commitment.secret());
    out.pops.push_back(message.pop);
    out.pubnonces.push_back(message.pubnonce);
    for (std::size_t k = 0; k < columns.size(); ++k)
      columns[k].push_back(message.commitment.terms()[k + 1]);
    for (std::size_t id = 0; id < n; ++id)
      out.enc_shares[id] = out.enc_shares[id] + message.enc_shares[id];
  }
  for (const auto& column : columns) out.sum_nonconst.push_back(MaybePoint::sum(column));

  const VssCommitment sum = out.sum();
  TRY(Group group, derive_group(sum, n));
  base::Bytes record =
      transcript(params.threshold(), sum, params.host_keys(), out.pubnonces, out.enc_shares);
  return Coordinator(std::move(params), std::move(record),
                     Output{std::nullopt, group.threshold_key, std::move(group.public_shares)},
                     out.bytes());
}

DkgResult<Coordinator::Certified> Coordinator::finish(std::span<const base::Bytes> messages) const {
  if (messages.size() != params_.participants())
    return fault(Kind::kInput, "there is not one signature for each participant");
  std::vector<nostr::Signature> signatures;
  base::Bytes certificate;
  for (const base::Bytes& message : messages) {
    const auto signature = nostr::Signature::from_bytes(message);
    if (!signature) return fault(Kind::kInput, "a participant's signature is not 64 bytes");
    signatures.push_back(*signature);
    certificate = joined(certificate, message);
  }
  if (const auto forged = find_forged(params_, transcript_, signatures))
    return fault(Kind::kParticipant, "its signature of the transcript is invalid", *forged);
  Finished finished{clone(output_), joined(transcript_, certificate)};
  return Certified{std::move(certificate), std::move(finished)};
}

DkgResult<std::vector<base::Bytes>> Coordinator::investigate(
    const SessionParams& params, std::span<const base::Bytes> messages) {
  TRY(const auto parsed, parse_all(params, messages));
  std::vector<base::Bytes> out;
  for (std::size_t id = 0; id < params.participants(); ++id) {
    InvestigationMsg message;
    for (const ParticipantMsg1& from : parsed) {
      message.enc_shares.push_back(from.enc_shares[id]);
      message.public_shares.push_back(from.commitment.public_share(index_of(id)));
    }
    out.push_back(message.bytes());
  }
  return out;
}

// --- recovery ----------------------------------------------------------------------------------

DkgResult<Recovered> recover(const HostKey* host, ByteView recovery_data) {
  TRY(const RecoveryData data, RecoveryData::parse(recovery_data));
  auto params = SessionParams::create(data.host_keys, data.threshold);
  if (!params)
    return fault(Kind::kRecoveryData, "the recovery data's session: " + params.error().detail);
  const ByteView record = recovery_data.first(recovery_data.size() - 64 * params->participants());
  if (find_forged(*params, record, data.certificate))
    return fault(Kind::kRecoveryData, "the recovery data's certificate is invalid");

  TRY(Group group, derive_group(data.sum, params->participants()));
  std::optional<SecretScalar> share;
  if (host != nullptr) {
    TRY(const std::size_t id, params->find(host->public_key()));
    TRY(const auto pads, receiver_pads(host->secret(), id, data.pubnonces, pad_context(*params)));
    TRY(share, decrypt_share(data.enc_shares[id], pads));
    TRY(share->add(group.tweak));
    TRY(const Point point, Point::base_times(*share));
    if (point != group.public_shares[id])
      return fault(Kind::kRecoveryData, "the recovered share does not fit the commitments");
  }
  Output output{std::move(share), group.threshold_key, std::move(group.public_shares)};
  return Recovered{std::move(output), *std::move(params)};
}

Result<nostr::Signature> acknowledge(const HostKey& host, const SessionParams& params,
                                     ByteView recovery_data, const base::Secret<32>& aux) {
  const auto id = params.find(host.public_key());
  if (!id) return std::unexpected(to_error(id.error()));
  return schnorr_sign(kBip340Tag, host.secret(),
                      signed_message(kAcknowledgement, *id, recovery_data), aux);
}

bool check_acknowledgement(const SessionParams& params, std::size_t participant,
                           ByteView recovery_data, const nostr::Signature& signature) {
  return participant < params.participants() &&
         check_signature(kAcknowledgement, params, participant, recovery_data, signature);
}

}  // namespace frostr::chilldkg
