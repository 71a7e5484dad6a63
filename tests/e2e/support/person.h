// Person: somebody with a key of their own and an ordinary client — the operator, a stranger, a reader.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nostr/event/event.h"
#include "nostr/event/filter.h"
#include "nostr/nips/nip10.h"
#include "nostr/nips/nip17.h"
#include "tests/e2e/support/program.h"

namespace e2e {

/// A private message as its reader sees it.
struct Message {
  nostr::EventId id;  ///< of the rumor: what an answer refers to
  nostr::PublicKey from;
  nostr::UnixTime at;
  std::string subject;
  std::string text;
  nostr::EventId envelope;
};

struct SendOptions {
  std::vector<nostr::EventRef> refs;           ///< `e` tags of the message
  std::optional<nostr::UnixTime> at;           ///< the time it claims; default now
  int copies = 1;                              ///< wraps of the one rumor
  std::chrono::seconds dated_back{0};          ///< how old the wraps claim to be at least
};

using EventTest = std::function<bool(const nostr::Event&)>;
using MessageTest = std::function<bool(const Message&)>;

/// A client over nostr::Pool. Every call runs the client's loop until it has its answer; waiting ends
/// with the event that was waited for, never with time passing. Failing to get one throws.
class Person {
 public:
  /// A fresh key. `relays` is where this person reads and writes.
  explicit Person(std::vector<std::string> relays);
  Person(std::vector<std::string> relays, nostr::SecretKey key);
  ~Person();

  const nostr::SecretKey& key() const;
  nostr::PublicKey pubkey() const;
  nostr::UnixTime now() const;
  base::Rng& rng();
  /// Writes the key as `sovereign` reads it.
  void save_key(const std::string& path) const;
  void move_to(std::vector<std::string> relays);
  /// Calls `look_after` now and then while waiting, e.g. to start again what has died.
  void while_waiting(std::function<void()> look_after);

  nostr::Event sign(nostr::Kind kind, nostr::Tags tags, std::string content);
  /// Sends to every relay of this person; throws unless all accept.
  void publish(const nostr::Event& event);
  /// The same, and what the first relay said: empty when it accepted.
  std::string offer(const nostr::Event& event);
  /// Names the relays of this person as their inbox (kind 10050).
  void publish_inbox();

  /// What the relays hold now.
  std::vector<nostr::Event> fetch(nostr::Filter filter);
  /// The first stored or coming event that matches.
  nostr::Event await(nostr::Filter filter, EventTest wanted = {}, std::chrono::milliseconds limit = kPatience);
  /// Whether such an event came within `limit`: for what must not happen, after what must.
  std::optional<nostr::Event> look_for(nostr::Filter filter, EventTest wanted, std::chrono::milliseconds limit);

  /// Keeps listening from the moment the relays answered; the list grows whenever this person waits
  /// for anything, and lives as long as the person.
  const std::vector<nostr::Event>& watch(nostr::Filter filter);

  /// Sends a NIP-17 message to the relays of this person; the rumor's id.
  nostr::EventId send(const nostr::PublicKey& to, const std::string& text, const SendOptions& options = {});
  /// The wraps that send() would publish, for those who deliver them otherwise.
  std::vector<nostr::Event> wrap(const nostr::PublicKey& to, const std::string& text, const SendOptions& options = {});
  /// Every private message on the relays, oldest first, each rumor once.
  std::vector<Message> messages();
  /// The first stored or coming message that matches.
  Message await_message(MessageTest wanted, std::chrono::milliseconds limit = kPatience);

 private:
  struct Client;
  std::unique_ptr<Client> client_;
};

}  // namespace e2e
