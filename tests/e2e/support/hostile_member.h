// HostileMember: somebody who has stolen a share and speaks to co-signers without our program.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "frostr/frost/sign.h"
#include "frostr/wire/envelope.h"
#include "frostr/wire/messages.h"
#include "node/identity.h"
#include "tests/e2e/support/world.h"

namespace e2e {

/// What a co-signer said to one request.
struct Spoken {
  bool accepted = false;
  std::string reason;      ///< of a reject
  base::json::Value data;  ///< of an accept

  /// For comparing with what a test expects: the reason, or "(accepted)".
  std::string text() const { return accepted ? "(accepted)" : reason; }
};

/// One member of the group on the first relay of a world. Calls run its own loop until the answer
/// is there; no answer within kPatience throws.
class HostileMember {
 public:
  HostileMember(World& world, int share);
  ~HostileMember();

  const frostr::GroupPackage& group() const { return group_; }
  frostr::ShareIndex index() const { return share_.idx; }
  nostr::SecretKey transport_key() const;
  nostr::UnixTime now() const;
  base::Rng& rng();

  /// Sends `text` as the content of a well-formed peer message to the co-signer.
  void say(int cosigner, const std::string& text);
  /// Sends an event as it is.
  void post(const nostr::Event& event);
  /// A peer message to the co-signer from any key, at any time.
  nostr::Event seal(int cosigner, const std::string& text, const nostr::SecretKey& from,
                    nostr::UnixTime at);

  Spoken call(int cosigner, const frostr::RpcRequest& request);
  Spoken sign(int cosigner, const frostr::SignRequest& request);
  Spoken ecdh(int cosigner, const frostr::EcdhPackage& request);
  /// Waits until the co-signer has worked on everything said to it before. How many messages came
  /// that answer none of our calls.
  std::size_t settle(int cosigner);

  /// A nonce the co-signer issued to us and that was not used here before.
  frostr::WireNonce take_nonce(int cosigner);
  /// A request for `event` that breaks no rule of a session between us and the co-signer.
  frostr::SignRequest session(int cosigner, const nostr::UnsignedEvent& event);
  frostr::SignRequest session(int cosigner, const nostr::UnsignedEvent& event,
                              const frostr::WireNonce& nonce);
  /// One for an x-only key.
  frostr::EcdhPackage secret_with(int cosigner, const nostr::PublicKey& target,
                                  const std::string& tick);

 private:
  struct Line;
  nostr::PublicKey identity_of(int cosigner) const;

  frostr::GroupPackage group_;
  frostr::SecretShare share_;
  std::unique_ptr<Line> line_;
  std::map<int, std::vector<frostr::WireNonce>> nonces_;
};

}  // namespace e2e
