// A scripted relay that keeps events and answers as real ones do: newest first, with a cap.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "nostr/client/cursor.h"
#include "nostr/nips/nip77.h"
#include "tests/nostr/client/support/harness.h"

namespace nostr::testing {

/// Survives its own connections: kill() and stop() are faults, what was stored stays.
class StoredRelay : public std::enable_shared_from_this<StoredRelay> {
 public:
  /// What becomes of a NEG-OPEN (NIP-77).
  enum class Neg { kAnswered, kNotice, kSilence, kNegError, kClosed };
  struct Ways {
    std::size_t cap = 500;            ///< events in answer to one REQ, whatever its limit
    bool hints = false;               ///< NIP-67
    std::function<void(StoredRelay&)> before_eose = {};  ///< on the net thread
    Neg neg = Neg::kNotice;
    bool takes_events = true;         ///< else OK false
  };
  static std::shared_ptr<StoredRelay> start(Harness& harness, Ways ways);

  const std::string& url() const { return url_; }
  /// Stores `event` and sends it to every open REQ that it matches. Any thread.
  void add(const Event& event);
  /// Stores without sending.
  void keep(std::vector<Event> events);
  /// Cuts every connection; clients may come back.
  void kill() { relay_->abort_all(); }
  /// Stops listening until start_again() on the same port.
  void stop() { relay_->stop(); }
  void start_again();
  /// Filters of the REQs so far. Any thread.
  std::vector<Filter> asked() const;
  std::size_t count_stored() const;
  /// NEG-OPENs so far.
  std::size_t count_negotiations() const;
  const ScriptedRelay& wire() const { return *relay_; }

 private:
  struct Open {
    ConnectionId connection;
    std::string sub;
    Filters filters;
  };

  StoredRelay(Harness& harness, Ways ways) : harness_(harness), ways_(std::move(ways)) {}
  void listen(std::uint16_t port);
  void on_message(ScriptedRelay& relay, ConnectionId connection, const ClientMessage& message);
  void answer(ScriptedRelay& relay, ConnectionId connection, const from_client::Req& req);
  void negotiate(ScriptedRelay& relay, ConnectionId connection, const from_client::NegOpen& open);
  void reply(ScriptedRelay& relay, ConnectionId connection, const std::string& sub,
             const std::string& payload_hex);

  Harness& harness_;
  const Ways ways_;
  std::string url_;
  std::shared_ptr<ScriptedRelay> relay_;
  mutable std::mutex mutex_;  ///< guards the rest
  std::vector<Event> events_;
  std::vector<Open> open_;
  std::vector<Filter> asked_;
  std::map<std::string, NegSet> negotiations_;  ///< by subscription id
  std::size_t negotiations_opened_ = 0;
};

/// Cursors in a map.
class MemoryCursors final : public CursorStore {
 public:
  base::Result<std::optional<UnixTime>> get(const std::string& relay, const Sha256& filter) override;
  base::Result<void> advance(const std::string& relay, const Sha256& filter, UnixTime to) override;

  std::map<std::pair<std::string, std::string>, UnixTime> at;
};

}  // namespace nostr::testing
