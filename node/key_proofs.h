// Proofs that a key is held (33410, 33411): asking somebody for one, and giving one. Source:
// nip-sa 3.12.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "nipsa/auth.h"
#include "node/group_voice.h"
#include "node/hourly_cap.h"
#include "node/runtime.h"
#include "nostr/signer/signer.h"

namespace node {

/// What whoever asked may rely on: `who` held its key between the two events.
struct KeyProof {
  nostr::PublicKey who;
  nostr::EventId challenge;
  nostr::EventId response;
};
/// pubkey, npub, proved, challenge, response.
base::json::Value key_proof_view(const KeyProof& proof);

/// Challenges `who` on `relays`, signed by `asker`, and waits for the answer as long as the
/// challenge lasts: `lasts`, at most ten minutes. kTimeout when none came that holds; references
/// outlive the task.
base::Task<base::Result<KeyProof>> ask_for_proof(Runtime& runtime, std::vector<std::string> relays,
                                                 nostr::Signer& asker, nostr::PublicKey who,
                                                 std::chrono::seconds lasts);

/// A challenge somebody has published.
struct FoundChallenge {
  nostr::Event event;
  nipsa::AuthChallenge challenge;
};
/// Checked, to `me`, and not over: E_AUTHZ, E_EXPIRED, kNotFound, and what nipsa says of its form.
base::Result<FoundChallenge> check_challenge(const nostr::Event& event, const nostr::PublicKey& me,
                                             base::UnixTime now);
/// The same for the one with this id on `relays`; kUnavailable when none answers.
base::Task<base::Result<FoundChallenge>> find_challenge(nostr::Pool& pool,
                                                        std::vector<std::string> relays,
                                                        nostr::EventId id, nostr::PublicKey me,
                                                        base::UnixTime now);
/// The 33411 to it, to be signed by the key that is challenged.
base::Result<nostr::Draft> proof_draft(const FoundChallenge& found, std::string relay,
                                       base::UnixTime now);

/// Gives proofs for the group's key: to those the configuration names by itself, to others when the
/// operator of this machine says so. The co-signers have the last word. App thread; references
/// outlive it.
class Prover {
 public:
  struct Deps {
    base::Loop& loop;
    nostr::Pool& pool;
    const base::Clock& clock;
    GroupVoice& voice;
  };
  Prover(Deps deps, std::vector<std::string> relays, nostr::PublicKey agent,
         std::vector<nostr::PublicKey> askers);

  void start();
  base::Task<void> stop();
  /// Answers the challenge `id`; the id of the 33411. kDenied: a co-signer or the operator said no.
  base::Task<base::Result<nostr::EventId>> answer(nostr::EventId id);

 private:
  void on_challenge(const nostr::Event& event);
  base::Task<base::Result<nostr::EventId>> give(FoundChallenge found);
  base::Task<void> give_by_itself(FoundChallenge found);

  Deps deps_;
  std::vector<std::string> relays_;
  nostr::PublicKey agent_;
  std::vector<nostr::PublicKey> askers_;
  HourlyCap cap_;
  std::set<nostr::EventId> given_;  ///< or being given; small, because of the cap
  std::unique_ptr<nostr::Subscription> challenges_;
  base::Scope scope_;
};

}  // namespace node
