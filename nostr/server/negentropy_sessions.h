// The NIP-77 conversations of one client: each works on a set that is gathered page by page and then
// stays as it is until the client is done.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nostr/event/message.h"
#include "nostr/nips/nip77.h"
#include "nostr/server/backlog.h"
#include "nostr/server/session_rules.h"

namespace nostr {

class NegentropySessions {
 public:
  /// `rules` outlives this.
  explicit NegentropySessions(const SessionRules& rules) : rules_(rules) {}

  // Each appends what is to be sent. Who may ask has been decided.
  void open(from_client::NegOpen message, UnixTime now, std::vector<std::string>& out);
  void on_message(const from_client::NegMessage& message, UnixTime now, std::vector<std::string>& out);
  void close(const std::string& sub) { sessions_.erase(sub); }

  /// Whether a set is still being gathered.
  bool is_gathering() const;
  /// Reads one page of events that `may_read` admits; answers when that was the last.
  void gather(EventStore& store, UnixTime now, const std::function<bool(const Event&)>& may_read,
              std::vector<std::string>& out);

 private:
  struct Session {
    Backlog backlog;
    base::Bytes first_message;      ///< answered once the set is complete
    std::vector<NegItem> items;     ///< until then
    std::optional<NegSet> set;
    UnixTime last_used;
  };
  using Sessions = std::map<std::string, Session>;

  void expire_idle(UnixTime now, std::vector<std::string>& out);
  void respond(Sessions::iterator at, base::ByteView message, std::vector<std::string>& out);
  std::size_t records() const;

  const SessionRules& rules_;
  Sessions sessions_;
};

}  // namespace nostr
