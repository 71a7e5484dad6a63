// What the relay answers, decided from one frame, the store and the keys this client has proved.
#include "nostr/server/relay_session.h"

#include <algorithm>

#include "nostr/nips/nip40.h"
#include "nostr/nips/nip42.h"
#include "nostr/nips/nip62.h"

namespace nostr {

using base::Errc;

namespace {

constexpr std::size_t kMaxKeys = 16;  ///< that one client may prove
/// Live events remembered while a backlog is sent; after more, a slow reader may get one twice.
constexpr std::size_t kMaxSentLive = 4'096;

bool is_among(Kind kind, const std::vector<Kind>& kinds) {
  return std::ranges::find(kinds, kind) != kinds.end();
}

/// "3 s", "2 h", …: windows are round figures.
std::string in_words(std::chrono::seconds time) {
  const std::int64_t s = time.count();
  if (s % 86'400 == 0 && s > 0) return std::to_string(s / 86'400) + " days";
  return std::to_string(s) + " s";
}

std::size_t chars_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<std::uint8_t>(c) & 0xc0) != 0x80; }));
}

bool is_protected(const Event& event) {
  return std::ranges::any_of(event.tags,
                             [](const Tag& tag) { return tag.size() == 1 && tag[0] == "-"; });
}

bool has_long_value(const Tags& tags, std::size_t max_bytes) {
  return std::ranges::any_of(tags, [max_bytes](const Tag& tag) {
    return std::ranges::any_of(tag, [max_bytes](const std::string& value) { return value.size() > max_bytes; });
  });
}

/// EOSE with NIP-67's hint where the relay knows.
std::string eose_hint_frame(std::string_view sub, Backlog::Completeness completeness) {
  std::string out = eose_frame(sub);
  if (completeness == Backlog::Completeness::kUnknown) return out;
  out.pop_back();
  out += completeness == Backlog::Completeness::kFinished ? R"(,["finish"]])" : R"(,["more"]])";
  return out;
}

std::string event_with(std::string_view sub, const std::string& json) {
  std::string out;
  out.reserve(json.size() + sub.size() + 16);
  out += "[\"EVENT\",";
  append_json_string(sub, out);
  out += ',';
  out += json;
  out += ']';
  return out;
}

/// Answers a frame that did not parse as precisely as its shape allows.
std::string refuse_frame(const std::string& frame, const base::Error& error) {
  const std::string text =
      (error.code == Errc::kUnsupported ? "unsupported: " : "invalid: ") + error.detail;
  const auto value = base::json::parse(frame, {.max_bytes = 1u << 20, .max_depth = 8});
  if (!value || !value->is_array() || value->size() < 2 || !(*value)[0].is_string())
    return notice_frame(text);
  const std::string verb = (*value)[0].get<std::string>();
  const auto& subject = (*value)[1];
  if ((verb == "EVENT" || verb == "AUTH") && subject.is_object()) {
    const auto id = EventId::from_hex(base::json::string_or(subject, "id"));
    if (id) return ok_frame(*id, false, text);
  }
  if (!subject.is_string()) return notice_frame(text);
  const std::string sub = subject.get<std::string>();
  if (sub.size() > kMaxSubChars) return notice_frame(text);
  if (verb == "REQ" || verb == "COUNT") return closed_frame(sub, text);
  if (verb == "NEG-OPEN" || verb == "NEG-MSG") return neg_error_frame(sub, text);
  return notice_frame(text);
}

}  // namespace

RelaySession::RelaySession(const SessionRules& rules, EventStore& store, std::string challenge)
    : rules_(rules), store_(store), challenge_(std::move(challenge)), negentropy_(rules) {}

std::string RelaySession::greeting() const {
  return auth_challenge_frame(challenge_);
}

std::string RelaySession::rotate_challenge(std::string challenge) {
  challenge_ = std::move(challenge);
  authenticated_.clear();
  return greeting();
}

RelaySession::Reply RelaySession::on_frame(const std::string& frame, UnixTime now) {
  Reply reply;
  if (frame.size() > rules_.max_message_bytes) {
    reply.frames.push_back(notice_frame("invalid: message has " + std::to_string(frame.size()) +
                                        " bytes, limit is " + std::to_string(rules_.max_message_bytes)));
    return reply;
  }
  auto message = parse_client_message(frame, rules_.limits);
  if (!message) {
    reply.frames.push_back(refuse_frame(frame, message.error()));
    return reply;
  }
  std::visit([&](auto& part) { on_message(std::move(part), now, reply); }, *message);
  return reply;
}

// --- publishing ---

std::string RelaySession::refusal_of(const Event& event, UnixTime now) const {
  if (event.kind == kinds::kClientAuth) return "invalid: kind 22242 goes into an AUTH message";
  if (is_among(event.kind, rules_.rejected_kinds))
    return "blocked: this relay does not take kind " + std::to_string(event.kind);
  if (event.created_at > now + rules_.max_future)
    return "invalid: created_at is more than " + in_words(rules_.max_future) + " in the future";
  if (rules_.max_past && event.created_at < now - *rules_.max_past)
    return "invalid: created_at is more than " + in_words(*rules_.max_past) + " in the past";
  if (rules_.max_ephemeral_age && storage_class(event.kind) == StorageClass::kEphemeral &&
      event.created_at < now - *rules_.max_ephemeral_age)
    return "invalid: ephemeral event is older than " + in_words(*rules_.max_ephemeral_age);
  if (has_long_value(event.tags, rules_.max_tag_value_bytes))
    return "invalid: a tag value is over " + std::to_string(rules_.max_tag_value_bytes) + " bytes";
  if (is_expired(event, now)) return "invalid: the event has expired";
  if (event.kind == kinds::kVanishRequest) {
    const auto request = parse_vanish_request(event);
    if (!request) return "invalid: " + request.error().detail;
    if (std::ranges::none_of(rules_.urls, [&request](const std::string& url) {
          return must_vanish_from(*request, url);
        }))
      return "invalid: the request to vanish is for other relays";
  }
  if (const auto checked = check(event); !checked) return "invalid: " + checked.error().detail;
  if (is_protected(event) && !authenticated_.contains(event.pubkey))
    return authenticated_.empty() ? "auth-required: only its author may publish a protected event"
                                  : "restricted: only its author may publish a protected event";
  return {};
}

base::Result<StoreOutcome> RelaySession::store(const Event& event, UnixTime now) {
  return event.kind == kinds::kVanishRequest ? store_.vanish(event, now) : store_.insert(event, now);
}

void RelaySession::on_message(from_client::EventMessage message, UnixTime now, Reply& reply) {
  Event& event = message.event;
  const auto answer = [&](bool accepted, std::string_view text) {
    reply.frames.push_back(ok_frame(event.id, accepted, text));
  };
  if (const std::string refusal = refusal_of(event, now); !refusal.empty())
    return answer(false, refusal);
  if (storage_class(event.kind) == StorageClass::kEphemeral) {
    answer(true, "");
    reply.accepted = std::move(event);
    return;
  }
  const auto outcome = store(event, now);
  if (!outcome) return answer(false, "error: the event could not be stored");
  switch (*outcome) {
    case StoreOutcome::kStored:
      answer(true, "");
      reply.accepted = std::move(event);
      return;
    case StoreOutcome::kDuplicate:
      return answer(true, "duplicate: already have this event");
    case StoreOutcome::kReplaced:
      return answer(true, "duplicate: a newer version is here");
    case StoreOutcome::kDeleted:
      return answer(false, "blocked: this event was deleted, or a party to it has vanished");
    case StoreOutcome::kExpired:
      return answer(false, "invalid: the event has expired");
  }
}

// --- reading ---

bool RelaySession::is_private(Kind kind) const {
  return rules_.auth_for_private && is_among(kind, rules_.private_kinds);
}

bool RelaySession::is_me(std::string_view key_hex) const {
  const auto key = PublicKey::from_hex(key_hex);
  return key && authenticated_.contains(*key);
}

bool RelaySession::may_read(const Event& event) const {
  if (!is_private(event.kind)) return true;
  if (authenticated_.contains(event.pubkey)) return true;
  return std::ranges::any_of(tag_values(event.tags, "p"),
                             [this](std::string_view key) { return is_me(key); });
}

std::string RelaySession::refusal_of(const Filters& filters) const {
  if (filters.size() > rules_.max_filters)
    return "invalid: " + std::to_string(filters.size()) + " filters, limit is " +
           std::to_string(rules_.max_filters);
  if (std::ranges::any_of(filters, [](const Filter& filter) { return filter.search.has_value(); }))
    return "unsupported: this relay does not search (NIP-50)";
  for (const Filter& filter : filters) {
    if (filter.tags.size() > rules_.max_tag_filters)
      return "invalid: a filter has " + std::to_string(filter.tags.size()) + " tags, limit is " +
             std::to_string(rules_.max_tag_filters);
    if (std::ranges::none_of(filter.kinds, [this](Kind kind) { return is_private(kind); })) continue;
    if (authenticated_.empty()) return "auth-required: private messages are for their parties";
    const auto p = filter.tags.find('p');
    const bool names_keys = !filter.authors.empty() || p != filter.tags.end();
    const bool names_me =
        std::ranges::any_of(
            filter.authors,
            [this](const PublicKey& key) { return authenticated_.contains(key); }) ||
        (p != filter.tags.end() &&
         std::ranges::any_of(p->second, [this](const std::string& key) { return is_me(key); }));
    if (names_keys && !names_me) return "restricted: private messages are for their parties";
  }
  return {};
}

void RelaySession::drop_backlog(const std::string& sub) {
  waiting_.remove_if([&sub](const Waiting& waiting) { return waiting.sub == sub; });
}

void RelaySession::on_message(from_client::Req message, UnixTime, Reply& reply) {
  std::string refusal = refusal_of(message.filters);
  if (chars_of(message.sub) > rules_.max_sub_chars)
    refusal = "invalid: subscription id is over " + std::to_string(rules_.max_sub_chars) + " characters";
  if (refusal.empty() && !subscriptions_.contains(message.sub) &&
      subscriptions_.size() >= rules_.max_subscriptions)
    refusal =
        "rate-limited: " + std::to_string(rules_.max_subscriptions) + " subscriptions are open";
  // A REQ takes the place of an older one with its name, also when it is refused.
  drop_backlog(message.sub);
  if (!refusal.empty()) {
    subscriptions_.erase(message.sub);
    reply.frames.push_back(closed_frame(message.sub, refusal));
    return;
  }
  waiting_.push_back({message.sub, Backlog(message.filters, rules_.max_results)});
  subscriptions_.insert_or_assign(message.sub, std::move(message.filters));
}

void RelaySession::on_message(from_client::Close message, UnixTime, Reply&) {
  drop_backlog(message.sub);
  subscriptions_.erase(message.sub);
}

void RelaySession::on_message(from_client::Count message, UnixTime now, Reply& reply) {
  if (const std::string refusal = refusal_of(message.filters); !refusal.empty()) {
    reply.frames.push_back(closed_frame(message.sub, refusal));
    return;
  }
  auto count = store_.count(message.filters, now);
  // A filter without kinds would tell strangers how many private messages a key has.
  Filters hidden;
  for (Filter& filter : message.filters)
    if (rules_.auth_for_private && !rules_.private_kinds.empty() && filter.kinds.empty()) {
      filter.kinds = rules_.private_kinds;
      hidden.push_back(std::move(filter));
    }
  if (count && !hidden.empty()) {
    const auto private_count = store_.count(hidden, now);
    count = private_count ? *count - std::min(*count, *private_count) : private_count;
  }
  reply.frames.push_back(count ? count_result_frame(message.sub, *count)
                               : closed_frame(message.sub, "error: the store failed"));
}

void RelaySession::on_message(from_client::Auth message, UnixTime now, Reply& reply) {
  std::string refusal = "restricted: too many keys on one connection";
  if (authenticated_.size() < kMaxKeys || authenticated_.contains(message.event.pubkey)) {
    for (const std::string& url : rules_.urls) {
      const auto checked = check_auth(message.event, challenge_, url, now);
      refusal = checked ? "" : "invalid: " + checked.error().detail;
      if (checked) break;
    }
  }
  if (refusal.empty()) authenticated_.insert(message.event.pubkey);
  reply.frames.push_back(ok_frame(message.event.id, refusal.empty(), refusal));
}

void RelaySession::on_message(from_client::NegOpen message, UnixTime now, Reply& reply) {
  const std::string refusal = refusal_of(message.filters);
  if (refusal.empty()) return negentropy_.open(std::move(message), now, reply.frames);
  negentropy_.close(message.sub);
  reply.frames.push_back(neg_error_frame(message.sub, refusal));
}

void RelaySession::on_message(from_client::NegMessage message, UnixTime now, Reply& reply) {
  negentropy_.on_message(message, now, reply.frames);
}

void RelaySession::on_message(from_client::NegClose message, UnixTime, Reply&) {
  negentropy_.close(message.sub);
}

void RelaySession::on_live(const Event& event, const std::string& json,
                           std::vector<std::string>& out) {
  if (subscriptions_.empty() || !may_read(event)) return;
  for (const auto& [sub, filters] : subscriptions_) {
    if (!matches_any(filters, event)) continue;
    out.push_back(event_with(sub, json));
    remember_live(sub, event.id);
  }
}

void RelaySession::remember_live(const std::string& sub, const EventId& id) {
  const auto found = std::ranges::find(waiting_, sub, &Waiting::sub);
  if (found != waiting_.end() && found->sent_live.size() < kMaxSentLive) found->sent_live.insert(id);
}

void RelaySession::pump(std::size_t bytes, UnixTime now, std::vector<std::string>& out) {
  std::size_t produced = 0;
  while (!waiting_.empty() && produced < bytes) produced += pump_first(now, out);
  if (produced >= bytes) return;
  // One page a turn: a set may be large, and nobody else waits for it.
  negentropy_.gather(store_, now, [this](const Event& event) { return may_read(event); }, out);
}

/// One page of the first REQ that waits; what it came to in bytes.
std::size_t RelaySession::pump_first(UnixTime now, std::vector<std::string>& out) {
  Waiting& first = waiting_.front();
  const auto page = first.backlog.next(store_, now);
  if (!page) {
    out.push_back(closed_frame(first.sub, "error: the store failed"));
    subscriptions_.erase(first.sub);
    waiting_.pop_front();
    return 0;
  }
  std::size_t produced = page->empty() ? 0 : 1024;  // of events this client may not read, too
  for (const Event& event : *page) {
    if (!may_read(event) || first.sent_live.contains(event.id)) continue;
    out.push_back(relay_event_frame(first.sub, event));
    produced += out.back().size();
  }
  if (first.backlog.done()) {
    out.push_back(rules_.eose_hints ? eose_hint_frame(first.sub, first.backlog.completeness())
                                    : eose_frame(first.sub));
    waiting_.pop_front();
  }
  return produced;
}

}  // namespace nostr
