// The room of a ceremony: relays carry sealed messages between the parties' host keys. Kind 20000
// as between members, one `p` tag, NIP-44 in base64url, so relays keep nothing and read nothing.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "frostr/ceremony/ceremony.h"
#include "nostr/base/loop.h"
#include "nostr/client/pool.h"

namespace frostr {

class CeremonyRoom {
 public:
  struct Deps {
    base::Loop& loop;
    nostr::Pool& pool;
    const base::Clock& clock;
    base::Rng& rng;
  };
  struct Options {
    std::vector<std::string> relays;
    std::vector<nostr::PublicKey> parties;  ///< everybody's host keys
    /// Called before anything is sent: makes durable what the messages rest on. Its error ends the
    /// ceremony with nothing sent.
    std::function<base::Result<void>()> before_send;
    std::function<void(const std::string&)> progress;  ///< a line for a person, when it changes
  };

  /// All of `deps` outlive the room.
  CeremonyRoom(Deps deps, nostr::SecretKey self, Options options);
  ~CeremonyRoom();
  CeremonyRoom(const CeremonyRoom&) = delete;
  CeremonyRoom& operator=(const CeremonyRoom&) = delete;

  /// Carries `ceremony` to its end, or to the first error of before_send. Relays that cannot be
  /// reached are tried for ever: the ceremony has the deadline. Once.
  base::Task<base::Result<void>> run(Ceremony& ceremony);

 private:
  struct Incoming {
    nostr::PublicKey from;
    std::string text;
  };
  void subscribe();
  void on_event(const nostr::Event& event);
  base::Result<std::string> open(const nostr::Event& event) const;
  base::Result<void> hand_over(Ceremony& ceremony);
  base::Result<void> send(std::vector<CeremonyMail> mail);
  base::Task<void> publish(nostr::Event event);
  void tell(std::string line);
  base::Task<void> leave();

  Deps deps_;
  nostr::SecretKey self_;
  Options options_;
  std::unique_ptr<nostr::Subscription> subscription_;
  std::deque<Incoming> incoming_;
  base::Signal arrived_, connected_;
  bool is_connected_ = false;
  std::string told_;
  base::Scope scope_;
};

}  // namespace frostr
