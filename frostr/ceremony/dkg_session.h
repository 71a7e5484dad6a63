// A key generation over unreliable relays, sans-IO: messages and time in, messages out.
//
// Every party runs one DkgSession; the first of the session's host keys also coordinates. Nothing on
// the wire is stored by relays, so each party repeats what it has said until it hears that it was
// understood; every step is idempotent. A process that was killed goes on with what it kept in its
// DkgMemory, or fails by name if it lost it.
#pragma once

#include <optional>
#include <vector>

#include "frostr/ceremony/ceremony.h"
#include "frostr/ceremony/message.h"
#include "frostr/frost/chilldkg.h"
#include "nostr/base/clock.h"

namespace frostr {

/// `key` as a host key: the secret of its even-Y point, so that an npub names it.
Result<chilldkg::HostKey> host_key_of(const nostr::SecretKey& key);
/// The parameters for parties named by their Nostr keys, in the order that all agree on. Member i of
/// the group is the i-th key. kInvalid as SessionParams::create(), kLimit when the messages would
/// be too long for one event (some 250 parties).
Result<chilldkg::SessionParams> dkg_params(const std::vector<nostr::PublicKey>& hosts,
                                           std::uint32_t threshold);

/// What a party must not forget between its first message and the end. Secret.
struct DkgMemory {
  base::Secret<32> random;
  base::Bytes dealings;     ///< the coordinator's message that we signed: we sign no second one
  base::Bytes certificate;  ///< everybody's signatures: with them the key exists
};

/// The coordinating side. It is trusted with nothing; it can only make the session fail.
class DkgCoordinator {
 public:
  struct Outgoing {
    std::size_t to;
    CeremonyMessage message;
  };
  explicit DkgCoordinator(chilldkg::SessionParams params);
  /// Answers worth sending at once.
  std::vector<Outgoing> receive(std::size_t from, const CeremonyMessage& message);
  /// Everything every participant may have missed.
  std::vector<Outgoing> repeat() const;
  const std::optional<base::Error>& failure() const { return failure_; }
  /// Everybody acknowledged.
  bool complete() const { return acks_ == params_.participants(); }
  /// Everybody answered the last word, good or bad.
  bool all_know_the_end() const;
  /// Who has to speak next, for a person: "participants 2, 3".
  std::string waiting_for() const;

 private:
  void take_round1(std::size_t from, const CeremonyMessage& message);
  void take_round2(std::size_t from, const CeremonyMessage& message);
  void take_ack(std::size_t from, const CeremonyMessage& message);
  void give_up(base::Error error);

  chilldkg::SessionParams params_;
  struct Party {
    std::optional<base::Bytes> round1, round2;
    bool acknowledged = false;
    bool knows_the_end = false;
  };
  std::vector<Party> parties_;
  std::optional<chilldkg::Coordinator> dealt_;
  std::optional<chilldkg::Coordinator::Certified> certified_;
  std::size_t acks_ = 0;
  std::optional<base::Error> failure_;
};

class DkgSession final : public Ceremony {
 public:
  struct Options {
    base::seconds retry{2};
    base::seconds patience{600};
    /// What messages name; by default the parameters' hash.
    std::optional<nostr::Sha256> session = std::nullopt;
  };
  struct Outcome {
    chilldkg::Finished finished;
    bool confirmed = false;  ///< everybody is known to hold the recovery data
  };

  /// `rng` outlives the session.
  static Result<DkgSession> create(chilldkg::HostKey host, chilldkg::SessionParams params,
                                   DkgMemory memory, base::UnixTime now, base::Rng& rng,
                                   Options options);

  /// When memory() changed, store it durably before sending what these return.
  std::vector<CeremonyMail> receive(const nostr::PublicKey& from, std::string_view text) override;
  std::vector<CeremonyMail> tick(base::UnixTime now) override;
  bool over() const override { return outcome_.has_value(); }
  std::string waiting_for() const override;

  const DkgMemory& memory() const { return memory_; }
  /// The key, as soon as the certificate is in hand; until the outcome.
  const chilldkg::Finished* finished() const { return finished_ ? &finished_->finished : nullptr; }
  /// Set once at the end. The error names who is to blame, or who was silent.
  std::optional<Result<Outcome>>& outcome() { return outcome_; }

 private:
  DkgSession(chilldkg::HostKey host, chilldkg::Participant1 round1, std::size_t id,
             DkgMemory memory, base::UnixTime now, base::Rng& rng, Options options);

  void take(const CeremonyMessage& message);
  void take_dealings(const CeremonyMessage& message);
  void take_certificate(const CeremonyMessage& message);
  void give_up(base::Error error);
  std::vector<CeremonyMessage> to_repeat() const;
  void say(const CeremonyMessage& message);
  void deliver(const DkgCoordinator::Outgoing& outgoing);
  bool last_word_is_out() const;
  void settle();
  std::vector<CeremonyMail> drain();

  chilldkg::HostKey host_;
  chilldkg::Participant1 round1_;
  std::vector<nostr::PublicKey> hosts_;  ///< the parties as relays know them
  nostr::Sha256 session_;
  std::size_t id_;
  DkgMemory memory_;
  base::UnixTime now_, deadline_, next_repeat_;
  base::Rng* rng_;
  Options options_;
  std::optional<DkgCoordinator> coordinator_;  ///< participant 0's second role
  std::optional<chilldkg::Participant2> round2_;
  std::optional<base::Bytes> disputed_;  ///< dealings that gave us a wrong share
  std::optional<Outcome> finished_;
  std::optional<CeremonyMessage> ack_;
  std::optional<base::Error> failure_;
  std::optional<CeremonyMessage> abort_;  ///< the failure in our words, when it was ours to find
  std::string foreign_;  ///< who speaks of another session
  bool heard_the_end_ = false;  ///< the coordinator told us how it ended
  int farewells_ = 0;           ///< repeats of the last word
  std::vector<CeremonyMail> out_;
  std::optional<Result<Outcome>> outcome_;
};

}  // namespace frostr
