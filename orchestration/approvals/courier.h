// Courier: how a text reaches one person — NIP-17 where they have an inbox, else the legacy DM.
#pragma once

#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/client/directory.h"
#include "nostr/signer/key_signer.h"

namespace orchestration {

/// A message built and encrypted, not yet sent. What is committed is what is sent, byte for byte.
struct Letter {
  nostr::EventId id;      ///< rumor id (NIP-17) or event id (NIP-04): what an answer refers to
  std::string channel;    ///< "nip17", "nip04" or "note"
  std::string rumor_json; ///< the readable form; for NIP-04 the event without its plaintext
  nostr::Event envelope;  ///< what goes to the relays
  std::vector<std::string> relays;
};

/// How a letter would reach somebody now.
enum class Reach {
  kPrivate,  ///< they publish an inbox (kind 10050)
  kLegacy,   ///< NIP-04 to the relays they read (kind 10002)
  kBlind     ///< they publish neither: NIP-04 to our own relays, which they may never look at
};
/// "private messages", "legacy messages only", "no relay they are known to read".
std::string_view reach_name(Reach reach);

/// Keeps the inbox relays of a few people current and writes letters to them from one key.
class Courier {
 public:
  /// `relays` are where their kinds 10050 and 10002 are looked up, and the fallback for delivery.
  /// All references outlive the courier.
  Courier(nostr::Pool& pool, const nostr::KeySigner& sender, const base::Clock& clock, base::Rng& rng,
          std::vector<nostr::PublicKey> people, std::vector<std::string> relays);
  ~Courier();

  /// Other people from now on; start() again.
  void set_people(std::vector<nostr::PublicKey> people) { people_ = std::move(people); }
  /// Subscribes to the relay lists of everybody.
  void start();
  void stop();
  /// Looks up whoever is not known yet, at most five seconds.
  base::Task<void> locate();
  Reach reach(const nostr::PublicKey& person) const;
  /// Writes one letter; `legacy`: as NIP-04 although there is an inbox, to who writes so. kCrypto when `to` is no valid key, kInvalid when the text is too long.
  /// The same words in the same second are the same letter, whose id is the same: `later` sets it apart.
  base::Result<Letter> write(const nostr::PublicKey& to, const std::string& text,
                             const std::string& subject, bool legacy = false,
                             base::seconds later = base::seconds{0}) const;
  /// A note that mentions `to` and quotes `about`, for all to see; to the relays that `to` reads.
  Letter mention(const nostr::PublicKey& to, const std::string& text, const nostr::Event& about) const;

 private:
  std::vector<std::string> usable(std::vector<std::string> relays) const;

  const nostr::KeySigner& sender_;
  const base::Clock& clock_;
  base::Rng& rng_;
  std::vector<nostr::PublicKey> people_;
  std::vector<std::string> relays_;
  nostr::RelayDirectory directory_;
};

}  // namespace orchestration
