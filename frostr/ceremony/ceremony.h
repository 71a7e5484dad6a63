// A ceremony: something the holders of host keys do together once, message by message, such as
// generating a key or renewing its shares. Sans-IO; room.h carries it over relays.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/crypto/keys.h"

namespace frostr {

/// A message for one party, to be sealed for it.
struct CeremonyMail {
  nostr::PublicKey to;
  std::string text;
};

/// One party's side. Relays keep nothing and lose things, so each party repeats what it has said until
/// it hears that it was understood, and every step is idempotent: replayed messages change nothing.
class Ceremony {
 public:
  virtual ~Ceremony() = default;
  /// A decrypted message of `from`; strangers, other ceremonies and noise are ignored.
  virtual std::vector<CeremonyMail> receive(const nostr::PublicKey& from, std::string_view text) = 0;
  /// Call about once a second.
  virtual std::vector<CeremonyMail> tick(base::UnixTime now) = 0;
  /// Nothing more will be said.
  virtual bool over() const = 0;
  /// What it waits for, for a person; empty when for nothing.
  virtual std::string waiting_for() const = 0;

 protected:
  Ceremony() = default;
  Ceremony(const Ceremony&) = default;
  Ceremony(Ceremony&&) = default;
  Ceremony& operator=(const Ceremony&) = default;
  Ceremony& operator=(Ceremony&&) = default;
};

}  // namespace frostr
