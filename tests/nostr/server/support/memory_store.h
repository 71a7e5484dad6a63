// An EventStore in a vector: obviously right, slow, for tests.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "nostr/server/event_store.h"

namespace test {

/// Keeps everything; `largest_answer` tells how much a caller took at once.
class MemoryStore final : public nostr::EventStore {
 public:
  base::Result<nostr::StoreOutcome> insert(const nostr::Event& event, nostr::UnixTime now) override;
  base::Result<std::vector<nostr::Event>> query(const nostr::Filters& filters, std::size_t cap,
                                                nostr::UnixTime now) override;
  base::Result<nostr::StoreOutcome> vanish(const nostr::Event& request, nostr::UnixTime now) override;
  base::Result<std::uint64_t> count(const nostr::Filters& filters, nostr::UnixTime now) override;

  std::atomic<std::size_t> largest_answer{0};  ///< read by tests while the relay works
  bool broken = false;  ///< every call fails as if the disk had

 private:
  struct NewestFirst {
    bool operator()(const std::pair<nostr::UnixTime, nostr::EventId>& a,
                    const std::pair<nostr::UnixTime, nostr::EventId>& b) const {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    }
  };
  std::map<std::pair<nostr::UnixTime, nostr::EventId>, nostr::Event, NewestFirst> events_;
  std::vector<nostr::Event> deletions_;
  std::vector<nostr::Event> vanish_requests_;
};

/// The author of `seed`'s stream and events signed by it.
nostr::SecretKey test_key(std::uint64_t seed);
nostr::Event test_event(const nostr::SecretKey& key, nostr::Kind kind, std::int64_t at,
                        std::string content = "", nostr::Tags tags = {});

/// The EOSE of a REQ of which nothing was kept back, or of one that was cut by a limit (NIP-67).
std::string eose_finish(std::string_view sub);
std::string eose_more(std::string_view sub);

}  // namespace test
