// Bounded in sessions, records and idle time; one answer never costs more than its frame.
#include "nostr/server/negentropy_sessions.h"

#include <algorithm>
#include <utility>

namespace nostr {

void NegentropySessions::open(from_client::NegOpen message, UnixTime now,
                              std::vector<std::string>& out) {
  expire_idle(now, out);
  sessions_.erase(message.sub);  // a new one takes the place of an older one
  const auto refuse = [&](std::string_view why) { out.push_back(neg_error_frame(message.sub, why)); };
  if (rules_.max_neg_sessions == 0) return refuse("blocked: this relay does not reconcile");
  if (sessions_.size() >= rules_.max_neg_sessions)
    return refuse("rate-limited: " + std::to_string(sessions_.size()) + " reconciliations are open");
  auto payload = base::hex_decode(message.payload_hex);
  if (!payload) return refuse("invalid: the message is no hex");
  Backlog backlog(std::move(message.filters), rules_.max_neg_records + 1);
  sessions_.emplace(std::move(message.sub), Session{.backlog = std::move(backlog),
                                                    .first_message = *std::move(payload),
                                                    .items = {},
                                                    .set = std::nullopt,
                                                    .last_used = now});
}

void NegentropySessions::on_message(const from_client::NegMessage& message, UnixTime now,
                                    std::vector<std::string>& out) {
  expire_idle(now, out);
  const auto found = sessions_.find(message.sub);
  if (found == sessions_.end()) {
    out.push_back(neg_error_frame(message.sub, "closed: no such reconciliation is open"));
    return;
  }
  const auto payload = base::hex_decode(message.payload_hex);
  if (!payload || !found->second.set) {
    out.push_back(neg_error_frame(message.sub, payload ? "invalid: the last message has no answer yet"
                                                       : "invalid: the message is no hex"));
    sessions_.erase(found);
    return;
  }
  found->second.last_used = now;
  respond(found, *payload, out);
}

bool NegentropySessions::is_gathering() const {
  return std::ranges::any_of(sessions_, [](const auto& item) { return !item.second.set; });
}

void NegentropySessions::gather(EventStore& store, UnixTime now,
                                const std::function<bool(const Event&)>& may_read,
                                std::vector<std::string>& out) {
  const auto at = std::ranges::find_if(sessions_, [](const auto& item) { return !item.second.set; });
  if (at == sessions_.end()) return;
  Session& session = at->second;
  const auto page = session.backlog.next(store, now);
  if (!page) {
    out.push_back(neg_error_frame(at->first, "error: the store failed"));
    sessions_.erase(at);
    return;
  }
  for (const Event& event : *page)
    if (may_read(event)) session.items.push_back({event.created_at, event.id});
  if (records() > rules_.max_neg_records) {
    out.push_back(neg_error_frame(at->first, "blocked: this query is too big", rules_.max_neg_records));
    sessions_.erase(at);
    return;
  }
  if (!session.backlog.done()) return;
  session.set.emplace(std::exchange(session.items, {}));
  respond(at, std::exchange(session.first_message, {}), out);
}

void NegentropySessions::expire_idle(UnixTime now, std::vector<std::string>& out) {
  std::erase_if(sessions_, [&](const auto& item) {
    const bool idle = item.second.set && now - item.second.last_used > rules_.max_neg_idle;
    if (idle) out.push_back(neg_error_frame(item.first, "closed: you took too long to respond"));
    return idle;
  });
}

void NegentropySessions::respond(Sessions::iterator at, base::ByteView message,
                                 std::vector<std::string>& out) {
  const auto answer = neg_respond(*at->second.set, message, rules_.neg_frame_bytes);
  if (answer) {
    out.push_back(neg_message_frame(at->first, base::hex_encode(*answer)));
    return;
  }
  out.push_back(neg_error_frame(at->first, "invalid: " + answer.error().detail));
  sessions_.erase(at);
}

std::size_t NegentropySessions::records() const {
  std::size_t out = 0;
  for (const auto& [sub, session] : sessions_)
    out += session.set ? session.set->size() : session.items.size();
  return out;
}

}  // namespace nostr
