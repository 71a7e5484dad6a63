// Lines of a file, found again by id.
#include "node/cli/event_file.h"

#include <filesystem>

#include <fmt/format.h>

#include "nostr/event/event_json.h"

namespace node::cli {

using base::Errc;
using base::fail;
using base::Result;

namespace {

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

Result<nostr::Event> parse_line(std::string_view line) {
  TRY(nostr::Event event, nostr::parse_event(line));
  if (nostr::compute_id(event) != event.id) return fail(Errc::kCrypto, "the id is not the event's");
  return event;
}

}  // namespace

Result<std::unique_ptr<EventFile>> EventFile::open(std::string path) {
  std::unique_ptr<EventFile> file(new EventFile(std::move(path)));
  TRY(file->load());
  TRY(file->open_for_writing());
  return file;
}

Result<void> EventFile::load() {
  std::error_code ignored;
  if (!std::filesystem::exists(path_, ignored)) return {};
  in_.open(path_, std::ios::binary);
  if (!in_) return std::unexpected(broken("cannot be read"));
  std::string line;
  for (std::uint64_t number = 1; std::getline(in_, line); ++number) {
    const bool is_cut = in_.eof();
    const Place place{size_, line.size()};
    if (!is_blank(line)) {
      auto event = parse_line(line);
      if (!event && is_cut) break;
      if (!event)
        return std::unexpected(
            base::in_context(fmt::format("{}, line {}", path_, number), event.error()));
      if (places_.emplace(event->id, place).second) order_.push_back(event->id);
    }
    size_ += line.size() + (is_cut ? 0 : 1);
  }
  return {};
}

/// Appends behind the last whole line.
Result<void> EventFile::open_for_writing() {
  std::error_code failed;
  if (std::filesystem::exists(path_, failed)) std::filesystem::resize_file(path_, size_, failed);
  if (failed) return std::unexpected(broken(failed.message()));
  out_.open(path_, std::ios::binary | std::ios::app);
  if (!in_.is_open()) in_.open(path_, std::ios::binary);
  in_.clear();
  if (size_ > 0) {
    in_.seekg(static_cast<std::streamoff>(size_ - 1));
    if (in_.get() != '\n' && out_ << '\n') ++size_;
  }
  out_.flush();
  if (!out_ || !in_) return std::unexpected(broken("cannot be written"));
  return {};
}

Result<std::vector<nostr::NegItem>> EventFile::items(const nostr::Filter& filter) {
  std::vector<nostr::NegItem> out;
  for (const nostr::EventId& id : order_) {
    TRY(const nostr::Event event, read(places_.at(id)));
    if (nostr::matches(filter, event)) out.push_back({event.created_at, event.id});
  }
  return out;
}

Result<std::optional<nostr::Event>> EventFile::get(const nostr::EventId& id) {
  const auto it = places_.find(id);
  if (it == places_.end()) return std::nullopt;
  return read(it->second);
}

Result<nostr::Event> EventFile::read(const Place& place) {
  std::string line(place.length, '\0');
  in_.clear();
  in_.seekg(static_cast<std::streamoff>(place.offset));
  if (!in_.read(line.data(), static_cast<std::streamsize>(line.size())))
    return std::unexpected(broken("has become shorter"));
  return nostr::parse_event(line);
}

Result<void> EventFile::put(std::span<const nostr::EventPtr> events) {
  std::string line;
  for (const nostr::EventPtr& event : events) {
    if (places_.contains(event->id)) continue;
    line.clear();
    nostr::append_json(*event, line);
    places_.emplace(event->id, Place{size_, line.size()});
    order_.push_back(event->id);
    out_ << line << '\n';
    size_ += line.size() + 1;
  }
  if (!out_.flush()) return std::unexpected(broken("cannot be written"));
  return {};
}

base::Error EventFile::broken(const std::string& what) const {
  return {Errc::kIo, path_ + ": " + what, ""};
}

}  // namespace node::cli
