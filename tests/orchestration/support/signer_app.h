// An operator's signer app (NIP-46) on the world's relay: it shows what it is asked and signs when told.
#pragma once

#include <string>
#include <vector>

#include "nostr/nips/nip46.h"
#include "tests/orchestration/support/relay_world.h"

namespace orchestration::testing {

class SignerApp {
 public:
  /// One request to sign, as the person sees it.
  struct Shown {
    std::string id;
    nostr::PublicKey from;
    nostr::Draft draft;
    int times = 0;  ///< how often it came
  };

  SignerApp(RelayWorld& world, const Person& user);

  nostr::BunkerUri uri() const;
  const std::vector<Shown>& shown() const { return shown_; }
  int pairings() const { return pairings_; }
  /// From now on everything is signed as it comes.
  void sign_by_itself() { eager_ = true; }
  void sign(std::size_t index) { answer(shown_.at(index), true, shown_.at(index).draft); }
  void reject(std::size_t index) { answer(shown_.at(index), false, {}); }
  /// Signs something else than what was asked.
  void sign_instead(std::size_t index, nostr::Draft draft) { answer(shown_.at(index), true, std::move(draft)); }

 private:
  void take(const nostr::Event& event);
  void reply(const nostr::PublicKey& to, const nostr::SignerResponse& response);
  void answer(const Shown& shown, bool yes, nostr::Draft draft);

  RelayWorld& world_;
  const Person& user_;
  nostr::SecretKey key_;
  bool eager_ = false;
  int pairings_ = 0;
  std::vector<Shown> shown_;
  std::unique_ptr<nostr::Subscription> subscription_;
};

}  // namespace orchestration::testing
