// Refresh, reshare and repair over unreliable relays, sans-IO. No coordinator: everybody talks to everybody.
//
// Dealers send signed commitments to all and shares to those who get one. Who has everything and finds it
// right stores what is new *beside* the old and confirms to all, naming every dealing it rests on; two
// confirmations that name different dealings convict the dealer that signed both. Only with everybody's
// confirmation does a party let go of the old, so that at no time fewer shares exist than sign; and whoever
// let go passes the confirmations on, so that nobody can hold some back and split the group.
#pragma once

#include <optional>
#include <vector>

#include "frostr/ceremony/ceremony.h"
#include "frostr/ceremony/message.h"
#include "frostr/ceremony/renewal_rules.h"

namespace frostr {

/// What a party must not forget: the same seed deals the same again. Secret.
struct RenewalMemory {
  base::Secret<32> seed;
  base::Bytes confirmations;  ///< everybody's, once they were in: the old share is gone
};

class RenewalSession final : public Ceremony {
 public:
  struct Options {
    base::seconds retry{1};
    base::seconds patience{600};
  };
  /// Whether everybody is known to have let go of the old.
  struct Outcome {
    bool confirmed = false;
  };

  /// `share` is what our party holds, none when it holds nothing, or when the memory says that it let go.
  /// kNotFound when `host` is not invited, kCrypto when the share is not the one it should be. `rng`
  /// outlives the session.
  static Result<RenewalSession> create(Invitation invitation, nostr::SecretKey host,
                                       std::optional<SecretShare> share, RenewalMemory memory,
                                       base::UnixTime now, base::Rng& rng, Options options);

  /// Before sending what these return: when renewed() is new, store it beside the old; when
  /// may_let_go() is new, put it in place of the old.
  std::vector<CeremonyMail> receive(const nostr::PublicKey& from, std::string_view text) override;
  std::vector<CeremonyMail> tick(base::UnixTime now) override;
  bool over() const override { return outcome_.has_value(); }
  std::string waiting_for() const override;

  /// What we have then; the share is empty when ours does not change.
  const Renewed* renewed() const { return renewed_ ? &*renewed_ : nullptr; }
  /// Everybody has what is new.
  bool may_let_go() const { return let_go_; }
  /// Then: everybody's confirmations, for the memory.
  base::Bytes confirmations() const;
  /// Set once at the end. The error names who is to blame, or who was silent.
  const std::optional<Result<Outcome>>& outcome() const { return outcome_; }

 private:
  struct Party {
    std::optional<base::Bytes> commitment;
    std::optional<nostr::Signature> signature;  ///< of the commitment
    std::optional<SecretScalar> share, sum;     ///< what it sent to us alone
    base::Bytes confirmation;
    bool renewed = false;
    bool heard_us = false;  ///< it knows that we let go
  };

  RenewalSession(RenewalRules rules, nostr::SecretKey host, std::size_t self,
                 std::optional<SecretShare> share, base::UnixTime now, base::Rng& rng, Options options);
  Result<void> deal(const base::Secret<32>& seed);

  void take(std::size_t from, const CeremonyMessage& message);
  void take_dealing(std::size_t from, const base::Bytes& data);
  void take_confirmation(const base::Bytes& data);
  std::size_t confirmation_size() const;
  CeremonyMessage confirmation_of(std::size_t party) const;
  void advance();
  void combine();
  Result<std::optional<Renewed>> combined();
  void confirm(Renewed renewed);
  Result<void> compare(std::size_t other) const;
  void give_up(base::Error error);
  void settle();

  std::vector<CeremonyMessage> to_repeat(std::size_t to) const;
  void say(std::size_t to, const CeremonyMessage& message);
  void say_to_all(const CeremonyMessage& message);
  CeremonyMessage dealing_for(std::size_t to) const;
  CeremonyMessage last_word(std::size_t to) const;
  nostr::Sha256 dealing_digest(std::size_t dealer, const nostr::Sha256& commitment) const;
  nostr::Sha256 confirmation_digest(base::ByteView body) const;
  std::string silent() const;

  RenewalRules rules_;
  nostr::Sha256 id_;
  nostr::SecretKey host_;
  std::size_t self_;
  std::optional<SecretShare> share_;
  base::UnixTime now_, deadline_, next_repeat_;
  base::Rng* rng_;
  Options options_;
  std::vector<Party> parties_;
  DealtRenewal dealt_;
  std::optional<SecretScalar> my_sum_;
  std::optional<Renewed> renewed_;
  bool let_go_ = false;
  std::optional<base::Error> failure_;
  std::optional<CeremonyMessage> abort_;
  int farewells_ = 0;
  std::vector<CeremonyMail> out_;
  std::optional<Result<Outcome>> outcome_;
};

}  // namespace frostr
