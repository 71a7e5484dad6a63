// NIP-66: reports and announcements are tags only.
#include "nostr/nips/nip66.h"

#include "nostr/event/tags.h"
#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMaxValues = 256;
constexpr std::int64_t kMaxNumber = 0xffff'ffff;

std::optional<std::int64_t> read_number(std::string_view text) {
  return base::parse_number<std::int64_t>(text, 0, kMaxNumber);
}

std::optional<milliseconds> read_time(const Tags& tags, std::string_view name) {
  const auto value = read_number(tag_value(tags, name).value_or(""));
  if (!value) return std::nullopt;
  return milliseconds(*value);
}

RelayTrait read_trait(std::string_view text) {
  const bool holds = !text.starts_with('!');
  return {std::string(text.substr(holds ? 0 : 1)), holds};
}

std::string write_trait(const RelayTrait& trait) {
  return (trait.holds ? "" : "!") + trait.name;
}

void put(Tags& tags, const char* name, const std::string& value) {
  if (!value.empty()) tags.push_back({name, value});
}

template <class Duration>
void put_time(Tags& tags, const char* name, const std::optional<Duration>& value) {
  if (value) tags.push_back({name, std::to_string(value->count())});
}

}  // namespace

Draft build_relay_report(const RelayReport& report, UnixTime at) {
  Draft draft{.kind = kinds::kRelayDiscovery,
              .created_at = at,
              .tags = {{"d", normalize_relay_url(report.relay)}},
              .content = report.info};
  put(draft.tags, "n", report.network);
  put(draft.tags, "T", report.type);
  put_time(draft.tags, "rtt-open", report.open);
  put_time(draft.tags, "rtt-read", report.read);
  put_time(draft.tags, "rtt-write", report.write);
  for (const int nip : report.nips) draft.tags.push_back({"N", std::to_string(nip)});
  for (const auto& trait : report.requirements) draft.tags.push_back({"R", write_trait(trait)});
  for (const auto& trait : report.kinds) draft.tags.push_back({"k", write_trait(trait)});
  for (const auto& topic : report.topics) draft.tags.push_back({"t", topic});
  put(draft.tags, "g", report.geohash);
  return draft;
}

base::Result<RelayReport> parse_relay_report(const Event& event) {
  if (event.kind != kinds::kRelayDiscovery) return wrong_kind(event, "a relay report has 30166");
  const auto d = tag_value(event.tags, "d").value_or("");
  if (!is_relay_url(d) && !PublicKey::from_hex(d))
    return base::fail(base::Errc::kInvalid, "relay report names no relay");
  RelayReport out{.relay = normalize_relay_url(d),
                  .network = std::string(tag_value(event.tags, "n").value_or("")),
                  .type = std::string(tag_value(event.tags, "T").value_or("")),
                  .open = read_time(event.tags, "rtt-open"),
                  .read = read_time(event.tags, "rtt-read"),
                  .write = read_time(event.tags, "rtt-write"),
                  .geohash = std::string(tag_value(event.tags, "g").value_or("")),
                  .info = event.content};
  for (const Tag& tag : event.tags) {
    if (tag.size() < 2 || tag[1].empty()) continue;
    if (tag[0] == "N" && out.nips.size() < kMaxValues) {
      if (const auto nip = read_number(tag[1]); nip && *nip <= 9'999)
        out.nips.push_back(static_cast<int>(*nip));
    } else if (tag[0] == "R" && out.requirements.size() < kMaxValues) {
      out.requirements.push_back(read_trait(tag[1]));
    } else if (tag[0] == "k" && out.kinds.size() < kMaxValues) {
      if (auto trait = read_trait(tag[1]); read_number(trait.name))
        out.kinds.push_back(std::move(trait));
    } else if (tag[0] == "t" && out.topics.size() < kMaxValues) {
      out.topics.push_back(tag[1]);
    }
  }
  return out;
}

Draft build_relay_monitor(const RelayMonitor& monitor, UnixTime at) {
  Draft draft{.kind = kinds::kRelayMonitor, .created_at = at, .tags = {}, .content = ""};
  put_time(draft.tags, "frequency", monitor.frequency);
  for (const auto& [check, timeout] : monitor.timeouts) {
    Tag tag{"timeout"};
    if (!check.empty()) tag.push_back(check);
    tag.push_back(std::to_string(timeout.count()));
    draft.tags.push_back(std::move(tag));
  }
  for (const auto& check : monitor.checks) draft.tags.push_back({"c", check});
  put(draft.tags, "g", monitor.geohash);
  return draft;
}

base::Result<RelayMonitor> parse_relay_monitor(const Event& event) {
  if (event.kind != kinds::kRelayMonitor) return wrong_kind(event, "a relay monitor has 10166");
  RelayMonitor out{.geohash = std::string(tag_value(event.tags, "g").value_or(""))};
  if (const auto value = read_number(tag_value(event.tags, "frequency").value_or("")))
    out.frequency = seconds(*value);
  for (const Tag& tag : event.tags) {
    if (tag.size() < 2) continue;
    if (tag[0] == "c" && out.checks.size() < kMaxValues) {
      out.checks.push_back(tag[1]);
    } else if (tag[0] == "timeout" && out.timeouts.size() < kMaxValues) {
      const std::string second = tag_element(tag, 2);
      if (const auto first = read_number(tag[1]))
        out.timeouts.push_back({second, milliseconds(*first)});
      else if (const auto behind = read_number(second))
        out.timeouts.push_back({tag[1], milliseconds(*behind)});
    }
  }
  return out;
}

}  // namespace nostr
