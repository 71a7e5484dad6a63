// RemoteSigner: a Signer on the other side of relays (NIP-46), as the app that asks it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nostr/client/pool.h"
#include "nostr/nips/nip46.h"
#include "nostr/signer/signer.h"

namespace nostr {

struct RemoteSignerOptions {
  /// For each answer. Long, because a person may be asked; what takes longer is kTimeout.
  std::chrono::milliseconds answer_timeout{60'000};
  std::chrono::milliseconds connect_timeout{15'000};  ///< until one of the relays listens
  /// This client key was let in before, so no secret is shown again: signers take each once.
  bool paired = false;
  std::vector<SignerPermission> permissions;  ///< what the app would like to do
  std::string name = "sovereign";             ///< of the app, for the signer's list
};

/// How long, and how insistently, a person behind a signer is asked.
struct SignerPatience {
  std::chrono::milliseconds at_most{60'000};
  /// The request goes out again under its id after so long, so that a phone that was away gets it:
  /// relays keep these events for minutes, signers show a repeated one once. 0: never.
  std::chrono::milliseconds again_after{0};
  std::function<bool()> wanted;  ///< looked at now and then; false ends the wait. Absent: always
};

/// One identity behind a remote signer. Only the signer's own key answers, and only what was asked:
/// an answer is matched by its author and the request's id. What comes back as signed is checked
/// against the draft that was sent, in every member. App thread.
class RemoteSigner final : public Signer {
 public:
  using Made = base::Result<std::unique_ptr<RemoteSigner>>;
  /// Pairs with the signer of a bunker:// text (unless `options` say that was done) as `client`, and
  /// asks whose signer it is. References outlive the signer, and it outlives the pool's stop().
  /// kUnavailable: no relay; kTimeout: the signer is silent, as it is to those it does not know;
  /// kDenied: it says no, or wants a person to visit a page, which the hint names.
  static base::Task<Made> connect(Pool& pool, const base::Clock& clock, base::Rng& rng,
                                  SecretKey client, BunkerUri uri, RemoteSignerOptions options = {});
  /// Waits up to answer_timeout for the signer that was shown `uri`, made by this side for `client`.
  /// It proves that by answering with the secret; other answers are ignored. kInvalid when `uri`
  /// has no secret or names another key than `client`.
  static base::Task<Made> await_signer(Pool& pool, const base::Clock& clock, base::Rng& rng,
                                       SecretKey client, NostrConnectUri uri,
                                       RemoteSignerOptions options = {});
  ~RemoteSigner() override;

  PublicKey public_key() const override;
  /// kPeer when the signer returns another event than was asked for.
  base::Task<base::Result<Event>> sign(Draft draft) override;
  /// The same with a patience of its own; kCancelled when it is no longer wanted.
  base::Task<base::Result<Event>> sign(Draft draft, SignerPatience patience);
  base::Task<base::Result<std::string>> nip44_encrypt(PublicKey peer, std::string plaintext) override;
  base::Task<base::Result<std::string>> nip44_decrypt(PublicKey peer, std::string payload) override;
  base::Task<base::Result<std::string>> nip04_encrypt(PublicKey peer, std::string plaintext) override;
  base::Task<base::Result<std::string>> nip04_decrypt(PublicKey peer, std::string payload) override;

  /// Whether the signer is there.
  base::Task<base::Result<void>> ping();
  /// The text with which to come back later, and find the signer where it is now; holds no secret.
  BunkerUri uri() const;

 private:
  struct State;
  explicit RemoteSigner(std::shared_ptr<State> state);
  static base::Task<Made> introduce(std::shared_ptr<State> state);
  base::Task<base::Result<std::string>> cipher(SignerMethod method, PublicKey peer, std::string text);

  std::shared_ptr<State> state_;  ///< shared with coroutines of the pool that may end later
};

}  // namespace nostr
