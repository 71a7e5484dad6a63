// HOT PATH: relay frames in. Every frame a relay or client may send, read and written.
#include "nostr/event/message.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "nostr/event/json_reader.h"

namespace nostr {
namespace {

using base::Errc;
using base::fail;
using base::Result;
namespace ondemand = reader::ondemand;

/// Reads the elements of a frame one after the other.
class Elements {
 public:
  static Result<Elements> open(ondemand::array array) {
    Elements out;
    if (array.begin().get(out.at_) || array.end().get(out.end_))
      return reader::wrong("frame", "is malformed");
    return out;
  }

  /// Whether another element follows the one handed out last.
  bool has_more() {
    step();
    return at_ != end_;
  }

  Result<std::string> string(std::string_view what) {
    TRY(auto value, next(what));
    std::string out;
    TRY(reader::read_string(value, what, out));
    return out;
  }
  Result<EventId> event_id() {
    TRY(auto value, next("event id"));
    EventId out;
    TRY(reader::read_hex(value, "event id", {out.data(), EventId::kSize}));
    return out;
  }
  Result<bool> boolean(std::string_view what) {
    TRY(auto value, next(what));
    bool out = false;
    if (value.get_bool().get(out)) return reader::wrong(what, "is not true or false");
    return out;
  }
  Result<ondemand::object> object(std::string_view what) {
    TRY(auto value, next(what));
    ondemand::object out;
    if (value.get_object().get(out)) return reader::wrong(what, "is not an object");
    return out;
  }
  /// Calls `each` with one object, or with every object of a list of them.
  template <class Each>
  Result<void> objects(std::string_view what, Each each) {
    TRY(auto value, next(what));
    // Asked first: a value that failed to open as one thing must not be tried as another.
    ondemand::json_type type{};
    if (value.type().get(type)) return reader::wrong(what, "is malformed");
    if (type == ondemand::json_type::object) {
      ondemand::object only;
      if (value.get_object().get(only)) return reader::wrong(what, "is malformed");
      return each(only);
    }
    ondemand::array list;
    if (value.get_array().get(list)) return reader::wrong(what, "is neither an object nor a list");
    for (auto entry : list) {
      ondemand::object one;
      if (entry.get_object().get(one)) return reader::wrong(what, "holds something that is no object");
      TRY(each(one));
    }
    return {};
  }
  Result<Event> event(const EventLimits& limits) {
    TRY(auto value, object("event"));
    return reader::read_event(value, limits);
  }

  /// Which of two words the next element, a list, holds; anything but a list holds none.
  std::pair<bool, bool> finds(std::string_view first, std::string_view second) {
    std::pair<bool, bool> found{false, false};
    auto value = next("list");
    ondemand::array list;
    if (!value || value->get_array().get(list)) return found;
    for (auto item : list) {
      std::string_view text;
      if (item.get_string().get(text)) continue;
      found.first = found.first || text == first;
      found.second = found.second || text == second;
    }
    return found;
  }

  /// Walks over whatever is left, so that the document's end can be checked.
  Result<void> skip_rest() {
    for (step(); at_ != end_; ++at_)
      if ((*at_).error()) return reader::wrong("frame", "is malformed");
    return {};
  }

 private:
  /// Steps off the element handed out before; only then is its value consumed.
  void step() {
    if (std::exchange(handed_out_, false)) ++at_;
  }
  Result<ondemand::value> next(std::string_view what) {
    if (!has_more()) return reader::wrong(what, "is missing");
    ondemand::value value;
    if ((*at_).get(value)) return reader::wrong("frame", "is malformed");
    handed_out_ = true;
    return value;
  }

  ondemand::array_iterator at_;
  ondemand::array_iterator end_;
  bool handed_out_ = false;
};

using FromRelay = Result<RelayMessage>;
using FromClient = Result<ClientMessage>;

FromRelay relay_event(Elements& rest, const EventLimits& limits) {
  TRY(auto sub, rest.string("subscription id"));
  TRY(auto event, rest.event(limits));
  return from_relay::EventMessage{std::move(sub), std::move(event)};
}

FromRelay relay_ok(Elements& rest) {
  TRY(const auto id, rest.event_id());
  TRY(const bool accepted, rest.boolean("acceptance"));
  // Some relays leave out the message of an acceptance.
  if (!rest.has_more()) return from_relay::Ok{id, accepted, {}};
  TRY(auto message, rest.string("message"));
  return from_relay::Ok{id, accepted, std::move(message)};
}

/// Walks the members in their order instead of looking them up: a lookup after one that met broken
/// JSON goes through a parser that has given the document up, which is undefined.
FromRelay relay_count(Elements& rest) {
  TRY(auto sub, rest.string("subscription id"));
  TRY(auto object, rest.object("count"));
  from_relay::Count out{.sub = std::move(sub), .count = 0};
  bool counted = false;
  for (auto entry : object) {
    ondemand::field field;
    std::string_view name;
    if (std::move(entry).get(field) || field.unescaped_key().get(name))
      return reader::wrong("count", "is malformed");
    ondemand::value value = field.value();
    bool approximate = false;
    std::string_view hll;
    if (name == "count") {
      if (value.get_uint64().get(out.count)) return reader::wrong("count", "is not a number");
      counted = true;
    } else if (name == "approximate" && !value.get_bool().get(approximate)) {
      out.approximate = approximate;
    } else if (name == "hll" && !value.get_string().get(hll)) {
      out.hll = hll;
    }
  }
  if (!counted) return reader::wrong("count", "is not a number");
  return out;
}

/// A message of a subscription id and one more string.
template <class Message>
FromRelay relay_pair(Elements& rest, std::string_view second_name) {
  TRY(auto sub, rest.string("subscription id"));
  TRY(auto second, rest.string(second_name));
  return Message{std::move(sub), std::move(second)};
}

template <class Message>
FromRelay relay_single(Elements& rest, std::string_view name) {
  TRY(auto only, rest.string(name));
  return Message{std::move(only)};
}

/// NIP-67. Who says both "finish" and "more" is asked for more.
FromRelay relay_eose(Elements& rest) {
  TRY(auto sub, rest.string("subscription id"));
  if (!rest.has_more()) return from_relay::Eose{std::move(sub)};
  const auto [finish, more] = rest.finds("finish", "more");
  const EoseHint hint = more ? EoseHint::kMore : finish ? EoseHint::kFinish : EoseHint::kNone;
  return from_relay::Eose{std::move(sub), hint};
}

FromRelay dispatch_relay(std::string_view verb, Elements& rest, const EventLimits& limits) {
  if (verb == "EVENT") return relay_event(rest, limits);
  if (verb == "OK") return relay_ok(rest);
  if (verb == "EOSE") return relay_eose(rest);
  if (verb == "CLOSED") return relay_pair<from_relay::Closed>(rest, "message");
  if (verb == "NOTICE") return relay_single<from_relay::Notice>(rest, "message");
  if (verb == "AUTH") return relay_single<from_relay::Auth>(rest, "challenge");
  if (verb == "COUNT") return relay_count(rest);
  if (verb == "NEG-MSG") return relay_pair<from_relay::NegMessage>(rest, "payload");
  if (verb == "NEG-ERR") return relay_pair<from_relay::NegError>(rest, "message");
  return fail(Errc::kInvalid, "relay message has an unknown verb");
}

/// NIP-01: a non-empty string of at most 64 characters.
Result<std::string> client_sub(Elements& rest) {
  TRY(auto sub, rest.string("subscription id"));
  const auto is_first_byte = [](char c) { return (static_cast<std::uint8_t>(c) & 0xc0) != 0x80; };
  const auto chars = static_cast<std::size_t>(std::ranges::count_if(sub, is_first_byte));
  if (chars == 0 || chars > kMaxSubChars)
    return reader::wrong("subscription id",
                         "is not 1 to " + std::to_string(kMaxSubChars) + " characters");
  return sub;
}

Result<void> append_filter(ondemand::object object, Filters& out) {
  if (out.size() == kMaxFilters)
    return fail(Errc::kInvalid, "request holds over " + std::to_string(kMaxFilters) + " filters");
  std::string_view text;
  if (object.raw_json().get(text)) return reader::wrong("filter", "is malformed");
  TRY(out.emplace_back(), parse_filter(text));
  return {};
}

template <class Message>
FromClient client_filters(Elements& rest) {
  Message out;
  TRY(out.sub, client_sub(rest));
  do {
    TRY(auto object, rest.object("filter"));
    TRY(append_filter(object, out.filters));
  } while (rest.has_more());
  return out;
}

/// A message of nothing but a subscription id.
template <class Message>
FromClient client_single(Elements& rest) {
  TRY(auto sub, client_sub(rest));
  return Message{std::move(sub)};
}

FromClient client_neg_open(Elements& rest) {
  from_client::NegOpen out;
  TRY(out.sub, client_sub(rest));
  TRY(rest.objects("filter", [&out](ondemand::object one) { return append_filter(one, out.filters); }));
  if (out.filters.empty()) return reader::wrong("filter", "is missing");
  TRY(out.payload_hex, rest.string("payload"));
  return out;
}

FromClient client_neg_message(Elements& rest) {
  TRY(auto sub, client_sub(rest));
  TRY(auto payload, rest.string("payload"));
  return from_client::NegMessage{std::move(sub), std::move(payload)};
}

template <class Message>
FromClient client_event(Elements& rest, const EventLimits& limits) {
  TRY(auto event, rest.event(limits));
  return Message{std::move(event)};
}

FromClient dispatch_client(std::string_view verb, Elements& rest, const EventLimits& limits) {
  if (verb == "EVENT") return client_event<from_client::EventMessage>(rest, limits);
  if (verb == "AUTH") return client_event<from_client::Auth>(rest, limits);
  if (verb == "REQ") return client_filters<from_client::Req>(rest);
  if (verb == "COUNT") return client_filters<from_client::Count>(rest);
  if (verb == "CLOSE") return client_single<from_client::Close>(rest);
  if (verb == "NEG-OPEN") return client_neg_open(rest);
  if (verb == "NEG-MSG") return client_neg_message(rest);
  if (verb == "NEG-CLOSE") return client_single<from_client::NegClose>(rest);
  return fail(Errc::kUnsupported, "client message has an unknown verb");
}

/// Walks JSON text by hand, only as far as peek_event_frame needs.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  /// A string without escapes, which therefore ends at the next quote.
  std::optional<std::string_view> plain_string() {
    if (!take('"')) return std::nullopt;
    const std::size_t end = text_.find('"', at_);
    if (end == text_.npos) return std::nullopt;
    const std::string_view out = text_.substr(at_, end - at_);
    if (out.find('\\') != out.npos) return std::nullopt;
    at_ = end + 1;
    return out;
  }

  /// Any value. Brackets are counted, not matched: this looks for one string, it validates nothing.
  bool skip_value() {
    skip_space();
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        if (!finish_string()) return false;
        if (depth == 0) return true;
      } else if (c == '[' || c == '{') {
        ++depth;
      } else if (c == ']' || c == '}') {
        if (depth == 0) return false;
        if (--depth == 0) return true;
      } else if (depth == 0 && c == ',') {  // a number or a name has no end mark of its own
        --at_;
        return true;
      }
    }
    return false;
  }

 private:
  /// Goes behind the closing quote: the first one with an even number of backslashes before it.
  bool finish_string() {
    const std::size_t start = at_;
    for (;;) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == text_.npos) return false;
      at_ = quote + 1;
      std::size_t backslashes = 0;
      while (quote - backslashes > start && text_[quote - backslashes - 1] == '\\') ++backslashes;
      if (backslashes % 2 == 0) return true;
    }
  }
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// NIP-77 frames hold no event, so they have a bound of their own.
std::size_t max_frame_bytes(std::string_view frame, const EventLimits& limits) {
  Scanner scan(frame);
  const bool is_neg = scan.take('[') && scan.plain_string().value_or("").starts_with("NEG-");
  return is_neg ? kMaxNegFrameBytes : limits.max_bytes + kMaxFrameOverhead;
}

/// The verb and the elements behind it, for `dispatch`; then nothing may follow the frame.
template <class Message, class Dispatch>
Result<Message> parse_frame(reader::Padded frame, const EventLimits& limits, Dispatch dispatch) {
  reader::Document& document = reader::Document::of_this_thread();
  TRY(document.start(frame, max_frame_bytes(frame.text, limits)));
  TRY(auto array, document.array());
  TRY(Elements elements, Elements::open(array));
  TRY(const std::string verb, elements.string("verb"));
  TRY(Message message, dispatch(verb, elements, limits));
  TRY(elements.skip_rest());
  TRY(document.finish());
  return message;
}

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// A frame of `verb` and the given parts, each already JSON.
std::string frame_of(std::string_view verb, std::initializer_list<std::string_view> parts) {
  std::size_t size = verb.size() + 4 + parts.size();
  for (const std::string_view part : parts) size += part.size();
  std::string out;
  out.reserve(size + kJsonPadding);
  out += "[\"";
  out += verb;
  out += '"';
  for (const std::string_view part : parts) {
    out += ',';
    out += part;
  }
  out += ']';
  return out;
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

std::string filters_frame(std::string_view verb, std::string_view sub, const Filters& filters) {
  std::string parts = json_string(sub);
  for (const Filter& filter : filters) {
    parts += ',';
    parts += to_json(filter);
  }
  return frame_of(verb, {parts});
}

constexpr std::array<std::pair<std::string_view, Reason>, 10> kPrefixes = {{
    {"duplicate", Reason::kDuplicate},
    {"pow", Reason::kPow},
    {"blocked", Reason::kBlocked},
    {"rate-limited", Reason::kRateLimited},
    {"invalid", Reason::kInvalid},
    {"restricted", Reason::kRestricted},
    {"mute", Reason::kMute},
    {"error", Reason::kError},
    {"auth-required", Reason::kAuthRequired},
    {"unsupported", Reason::kUnsupported},
}};

}  // namespace

Reason reason_of(std::string_view message) {
  const std::size_t colon = message.find(':');
  if (colon == message.npos) return Reason::kNone;
  for (const auto& [prefix, reason] : kPrefixes)
    if (message.substr(0, colon) == prefix) return reason;
  // A prefix is one word; a colon later in a sentence is only punctuation.
  return message.substr(0, colon).find(' ') == message.npos ? Reason::kOther : Reason::kNone;
}

std::string_view reason_name(Reason reason) {
  for (const auto& [prefix, known] : kPrefixes)
    if (known == reason) return prefix;
  return reason == Reason::kNone ? "" : "other";
}

std::optional<EventFramePeek> peek_event_frame(std::string_view frame) {
  Scanner scan(frame);
  if (!scan.take('[') || scan.plain_string() != "EVENT" || !scan.take(',')) return std::nullopt;
  const auto sub = scan.plain_string();
  if (!sub || !scan.take(',') || !scan.take('{')) return std::nullopt;
  // Relays order members as they like, so walk them; members are few and skipping is cheap.
  do {
    const auto name = scan.plain_string();
    if (!name || !scan.take(':')) return std::nullopt;
    if (*name == "id") {
      const auto id = scan.plain_string();
      if (!id || id->size() != 2 * EventId::kSize || !is_lower_hex(*id)) return std::nullopt;
      return EventFramePeek{*sub, *id};
    }
    if (!scan.skip_value()) return std::nullopt;
  } while (scan.take(','));
  return std::nullopt;
}

Result<RelayMessage> parse_relay_message(std::string_view frame, const EventLimits& limits) {
  return parse_frame<RelayMessage>(reader::unpadded(frame), limits, dispatch_relay);
}

Result<RelayMessage> parse_relay_message_in_place(const std::string& frame,
                                                  const EventLimits& limits) {
  return parse_frame<RelayMessage>(reader::with_capacity(frame), limits, dispatch_relay);
}

Result<ClientMessage> parse_client_message(std::string_view frame, const EventLimits& limits) {
  return parse_frame<ClientMessage>(reader::unpadded(frame), limits, dispatch_client);
}

std::string event_frame(const Event& event) {
  return frame_of("EVENT", {to_json(event)});
}
std::string auth_frame(const Event& event) {
  return frame_of("AUTH", {to_json(event)});
}
std::string close_frame(std::string_view sub) {
  return frame_of("CLOSE", {json_string(sub)});
}
std::string req_frame(std::string_view sub, const Filters& filters) {
  return filters_frame("REQ", sub, filters);
}
std::string count_frame(std::string_view sub, const Filters& filters) {
  return filters_frame("COUNT", sub, filters);
}
std::string neg_open_frame(std::string_view sub, const Filter& filter, std::string_view payload_hex) {
  return frame_of("NEG-OPEN", {json_string(sub), to_json(filter), json_string(payload_hex)});
}
std::string neg_message_frame(std::string_view sub, std::string_view payload_hex) {
  return frame_of("NEG-MSG", {json_string(sub), json_string(payload_hex)});
}
std::string neg_close_frame(std::string_view sub) {
  return frame_of("NEG-CLOSE", {json_string(sub)});
}

std::string relay_event_frame(std::string_view sub, const Event& event) {
  return frame_of("EVENT", {json_string(sub), to_json(event)});
}
std::string ok_frame(const EventId& id, bool accepted, std::string_view message) {
  return frame_of("OK", {json_string(id.hex()), accepted ? "true" : "false", json_string(message)});
}
std::string eose_frame(std::string_view sub, EoseHint hint) {
  switch (hint) {
    case EoseHint::kNone:
      break;
    case EoseHint::kFinish:
      return frame_of("EOSE", {json_string(sub), R"(["finish"])"});
    case EoseHint::kMore:
      return frame_of("EOSE", {json_string(sub), R"(["more"])"});
  }
  return frame_of("EOSE", {json_string(sub)});
}
std::string closed_frame(std::string_view sub, std::string_view message) {
  return frame_of("CLOSED", {json_string(sub), json_string(message)});
}
std::string notice_frame(std::string_view message) {
  return frame_of("NOTICE", {json_string(message)});
}
std::string auth_challenge_frame(std::string_view challenge) {
  return frame_of("AUTH", {json_string(challenge)});
}
std::string count_result_frame(std::string_view sub, std::uint64_t count) {
  return frame_of("COUNT", {json_string(sub), R"({"count":)" + std::to_string(count) + '}'});
}
std::string neg_error_frame(std::string_view sub, std::string_view message,
                            std::optional<std::uint64_t> max_records) {
  if (!max_records) return frame_of("NEG-ERR", {json_string(sub), json_string(message)});
  return frame_of("NEG-ERR", {json_string(sub), json_string(message), std::to_string(*max_records)});
}

}  // namespace nostr
