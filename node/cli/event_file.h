// EventFile: a file with one event a line, as our side of a sync.
#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "nostr/client/sync.h"

namespace node::cli {

/// nostr::LocalEvents over JSON lines. Events are appended as they come, so what a sync that was
/// killed had fetched is there for the next one; only places are held in memory. One process at a
/// time.
class EventFile final : public nostr::LocalEvents {
 public:
  /// Reads `path`, which need not exist yet. kInvalid names the first line that is no event or whose
  /// id is wrong; signatures are left to those who receive the events. A last line that was cut off
  /// in the middle is removed.
  static base::Result<std::unique_ptr<EventFile>> open(std::string path);

  base::Result<std::vector<nostr::NegItem>> items(const nostr::Filter& filter) override;
  base::Result<std::optional<nostr::Event>> get(const nostr::EventId& id) override;
  base::Result<void> put(std::span<const nostr::EventPtr> events) override;

 private:
  struct Place {
    std::uint64_t offset = 0;
    std::size_t length = 0;  ///< without the line break
  };

  explicit EventFile(std::string path) : path_(std::move(path)) {}
  base::Result<void> load();
  base::Result<void> open_for_writing();
  base::Result<nostr::Event> read(const Place& place);
  base::Error broken(const std::string& what) const;

  const std::string path_;
  std::ifstream in_;
  std::ofstream out_;
  std::uint64_t size_ = 0;
  std::vector<nostr::EventId> order_;  ///< of the lines, so that a scan reads forward
  std::unordered_map<nostr::EventId, Place> places_;
};

}  // namespace node::cli
