// One client's conversation with the relay, without sockets: frames in, frames and broadcasts out
// (NIP-01, 09, 40, 42, 45, 70).
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "nostr/event/message.h"
#include "nostr/server/backlog.h"
#include "nostr/server/event_store.h"
#include "nostr/server/session_rules.h"

namespace nostr {

/// The state of one connection. `rules` and `store` outlive it.
class RelaySession {
 public:
  RelaySession(const SessionRules& rules, EventStore& store, std::string challenge);

  /// The AUTH challenge that opens the conversation.
  std::string greeting() const;
  /// A new challenge: nobody is authenticated any more. Returns the frame that says so.
  std::string rotate_challenge(std::string challenge);
  bool is_authenticated() const { return !authenticated_.empty(); }

  struct Reply {
    std::vector<std::string> frames;
    std::optional<Event> accepted;  ///< to be offered to every session, this one included
  };
  /// Answers one client frame. Stored events of a REQ come later, from pump().
  Reply on_frame(const std::string& frame, UnixTime now);

  /// Appends a frame per subscription that `event` matches; `json` is its JSON. A REQ that still
  /// waits for stored events does not get it a second time from the store.
  void on_live(const Event& event, const std::string& json, std::vector<std::string>& out);

  /// Whether a REQ still waits for stored events or its EOSE.
  bool has_backlog() const { return !waiting_.empty(); }
  /// Appends stored events, at least one page and then until `bytes` are reached.
  void pump(std::size_t bytes, UnixTime now, std::vector<std::string>& out);

 private:
  struct Waiting {
    std::string sub;
    Backlog backlog;
    std::unordered_set<EventId> sent_live;  ///< meanwhile, so that the backlog leaves them out
  };

  void on_message(from_client::EventMessage message, UnixTime now, Reply& reply);
  void on_message(from_client::Req message, UnixTime now, Reply& reply);
  void on_message(from_client::Close message, UnixTime now, Reply& reply);
  void on_message(from_client::Auth message, UnixTime now, Reply& reply);
  void on_message(from_client::Count message, UnixTime now, Reply& reply);
  void on_message(from_client::NegOpen message, UnixTime now, Reply& reply);
  void on_message(from_client::NegMessage message, UnixTime now, Reply& reply);
  void on_message(from_client::NegClose message, UnixTime now, Reply& reply);

  std::string refusal_of(const Event& event, UnixTime now) const;
  std::string refusal_of(const Filters& filters) const;
  bool may_read(const Event& event) const;
  bool is_private(Kind kind) const;
  bool is_me(std::string_view key_hex) const;
  void drop_backlog(const std::string& sub);
  void remember_live(const std::string& sub, const EventId& id);

  const SessionRules& rules_;
  EventStore& store_;
  std::string challenge_;
  std::set<PublicKey> authenticated_;
  std::map<std::string, Filters> subscriptions_;
  std::list<Waiting> waiting_;  ///< in the order of their REQs
};

}  // namespace nostr
