// HOT PATH: event objects in and out (budget: 1.9 µs to read an 832-byte frame). Members are read in
// the order they come, each once.
#include "nostr/event/event_json.h"

#include <charconv>
#include <utility>

#include "nostr/base/json.h"
#include "nostr/event/json_reader.h"

namespace nostr {
namespace reader {
namespace {

enum Member : unsigned {
  kId = 1, kPubkey = 2, kCreatedAt = 4, kKind = 8, kTags = 16, kContent = 32, kSig = 64,
};
struct NamedMember {
  std::string_view name;
  Member bit;
};
constexpr NamedMember kMembers[] = {
    {"id", kId},     {"pubkey", kPubkey},   {"created_at", kCreatedAt}, {"kind", kKind},
    {"tags", kTags}, {"content", kContent}, {"sig", kSig},
};
constexpr unsigned kAll = 127;

const NamedMember* find_member(std::string_view name) {
  for (const NamedMember& member : kMembers)
    if (member.name == name) return &member;
  return nullptr;
}

/// What most events have room in: growing one by one would double the allocations of an event.
constexpr std::size_t kUsualTags = 4;
constexpr std::size_t kUsualElements = 2;

base::Result<void> read_tag(ondemand::value value, const EventLimits& limits, Tag& out) {
  ondemand::array elements;
  if (value.get_array().get(elements)) return wrong("tags", "hold something that is not an array");
  out.reserve(kUsualElements);
  for (auto element : elements) {
    ondemand::value item;
    if (element.get(item)) return wrong("tags", "are malformed");
    if (out.size() == limits.max_tag_elements)
      return wrong("tags", "hold one of over " + std::to_string(limits.max_tag_elements) + " elements");
    TRY(read_string(item, "tag element", out.emplace_back()));
  }
  if (out.empty()) return wrong("tags", "hold an empty tag");
  return {};
}

base::Result<void> read_tags(ondemand::value value, const EventLimits& limits, Tags& out) {
  ondemand::array tags;
  if (value.get_array().get(tags)) return wrong("tags", "is not an array");
  bool first = true;
  for (auto tag : tags) {
    ondemand::value item;
    if (tag.get(item)) return wrong("tags", "are malformed");
    if (out.size() == limits.max_tags)
      return wrong("tags", "are more than " + std::to_string(limits.max_tags));
    if (std::exchange(first, false)) out.reserve(kUsualTags);
    TRY(read_tag(item, limits, out.emplace_back()));
  }
  return {};
}

base::Result<void> read_member(Member member, ondemand::value value, const EventLimits& limits,
                               Event& event) {
  switch (member) {
    case kId: return read_hex(value, "id", {event.id.data(), EventId::kSize});
    case kPubkey: return read_hex(value, "pubkey", {event.pubkey.data(), PublicKey::kSize});
    case kSig: return read_hex(value, "sig", {event.sig.data(), Signature::kSize});
    case kTags: return read_tags(value, limits, event.tags);
    case kContent: return read_string(value, "content", event.content);
    case kCreatedAt: {
      TRY(const auto seconds, read_integer(value, "created_at", std::uint64_t{kMaxCreatedAt}));
      event.created_at = base::unix_time(static_cast<std::int64_t>(seconds));
      return {};
    }
    case kKind: {
      TRY(const auto kind, read_integer(value, "kind", 65535));
      event.kind = static_cast<Kind>(kind);
      return {};
    }
  }
  return {};
}

constexpr unsigned kUnsigned = kAll & ~(kId | kSig);

/// Reads the `wanted` members of `object`, each of which must be there once, and skips all others.
base::Result<void> read_members(ondemand::object object, unsigned wanted, const EventLimits& limits,
                                Event& event) {
  unsigned seen = 0;
  for (auto entry : object) {
    ondemand::field field;
    std::string_view name;
    if (std::move(entry).get(field) || field.unescaped_key().get(name)) return wrong("json", "is malformed");
    const NamedMember* member = find_member(name);
    if (member == nullptr || (wanted & member->bit) == 0) continue;
    if ((seen & member->bit) != 0) return wrong(member->name, "is given twice");
    seen |= member->bit;
    TRY(read_member(member->bit, field.value(), limits, event));
  }
  for (const NamedMember& member : kMembers)
    if ((wanted & ~seen & member.bit) != 0) return wrong(member.name, "is missing");
  return {};
}

}  // namespace

base::Result<Event> read_event(ondemand::object object, const EventLimits& limits) {
  Event event;
  TRY(read_members(object, kAll, limits, event));
  return event;
}

}  // namespace reader

namespace {

template <class E>
void append_body(const E& event, const EventId& id, std::string& out) {
  char digits[24];
  const auto append_number = [&](std::int64_t number) {
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  };
  out += R"({"id":")";
  out += id.hex();
  out += R"(","pubkey":")";
  out += event.pubkey.hex();
  out += R"(","created_at":)";
  append_number(base::to_unix(event.created_at));
  out += R"(,"kind":)";
  append_number(event.kind);
  out += R"(,"tags":[)";
  for (std::size_t i = 0; i < event.tags.size(); ++i) {
    out += i == 0 ? "[" : ",[";
    for (std::size_t j = 0; j < event.tags[i].size(); ++j) {
      if (j > 0) out += ',';
      append_json_string(event.tags[i][j], out);
    }
    out += ']';
  }
  out += R"(],"content":)";
  append_json_string(event.content, out);
}

}  // namespace

base::Result<Event> parse_event(std::string_view json, const EventLimits& limits) {
  reader::Document& document = reader::Document::of_this_thread();
  TRY(document.start(reader::unpadded(json), limits.max_bytes));
  TRY(auto object, document.object());
  TRY(Event event, reader::read_event(object, limits));
  TRY(document.finish());
  return event;
}

base::Result<UnsignedEvent> parse_unsigned_event(std::string_view json, const EventLimits& limits) {
  reader::Document& document = reader::Document::of_this_thread();
  TRY(document.start(reader::unpadded(json), limits.max_bytes));
  TRY(auto object, document.object());
  Event event;
  TRY(reader::read_members(object, reader::kUnsigned, limits, event));
  TRY(document.finish());
  return UnsignedEvent{event.pubkey, event.created_at, event.kind, std::move(event.tags),
                       std::move(event.content)};
}

void append_json(const Event& event, std::string& out) {
  append_body(event, event.id, out);
  out += R"(,"sig":")";
  out += event.sig.hex();
  out += R"("})";
}

std::string to_json(const Event& event) {
  std::string out;
  append_json(event, out);
  return out;
}

std::string to_json(const UnsignedEvent& event) {
  std::string out;
  append_body(event, compute_id(event), out);
  out += '}';
  return out;
}

void append_json_string(std::string_view text, std::string& out) {
  base::json::append_string(text, out);
}

}  // namespace nostr
