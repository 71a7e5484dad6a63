// Storage and answers of the scripted relay.
#include "tests/nostr/client/support/stored_relay.h"

#include <algorithm>
#include <set>

#include "nostr/base/bytes.h"

namespace nostr::testing {

std::shared_ptr<StoredRelay> StoredRelay::start(Harness& harness, Ways ways) {
  std::shared_ptr<StoredRelay> self(new StoredRelay(harness, std::move(ways)));
  self->listen(0);
  return self;
}

void StoredRelay::listen(std::uint16_t port) {
  relay_ = harness_.relay(
      [weak = weak_from_this()](ScriptedRelay& relay, ConnectionId connection,
                                const ClientMessage& message) {
        if (const auto self = weak.lock()) self->on_message(relay, connection, message);
      },
      port);
  url_ = relay_->url();
}

void StoredRelay::start_again() {
  listen(relay_->port());
}

void StoredRelay::keep(std::vector<Event> events) {
  const std::lock_guard lock(mutex_);
  events_.insert(events_.end(), events.begin(), events.end());
}

void StoredRelay::add(const Event& event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(event);
  for (const Open& open : open_)
    if (matches_any(open.filters, event))
      relay_->send(open.connection, relay_event_frame(open.sub, event));
}

std::vector<Filter> StoredRelay::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void StoredRelay::on_message(ScriptedRelay& relay, ConnectionId connection,
                             const ClientMessage& message) {
  if (const auto* req = std::get_if<from_client::Req>(&message)) {
    answer(relay, connection, *req);
  } else if (const auto* close = std::get_if<from_client::Close>(&message)) {
    const std::lock_guard lock(mutex_);
    std::erase_if(open_, [&](const Open& open) {
      return open.connection == connection && open.sub == close->sub;
    });
  } else if (const auto* sent = std::get_if<from_client::EventMessage>(&message)) {
    if (ways_.takes_events) add(sent->event);
    relay.send(connection, ok_frame(sent->event.id, ways_.takes_events,
                                    ways_.takes_events ? "" : "blocked: read only"));
  } else if (const auto* open = std::get_if<from_client::NegOpen>(&message)) {
    negotiate(relay, connection, *open);
  } else if (const auto* next = std::get_if<from_client::NegMessage>(&message)) {
    reply(relay, connection, next->sub, next->payload_hex);
  }
}

void StoredRelay::negotiate(ScriptedRelay& relay, ConnectionId connection,
                            const from_client::NegOpen& open) {
  {
    const std::lock_guard lock(mutex_);
    ++negotiations_opened_;
  }
  switch (ways_.neg) {
    case Neg::kAnswered:
      break;
    case Neg::kNotice:
      return relay.send(connection, notice_frame("ERROR: bad msg: unknown verb"));
    case Neg::kSilence:
      return;
    case Neg::kNegError:
      return relay.send(connection, neg_error_frame(open.sub, "blocked: too many records"));
    case Neg::kClosed:
      return relay.send(connection, closed_frame(open.sub, "unsupported: negentropy"));
  }
  {
    const std::lock_guard lock(mutex_);
    std::vector<NegItem> items;
    for (const Event& event : events_)
      if (matches_any(open.filters, event)) items.push_back({event.created_at, event.id});
    negotiations_.insert_or_assign(open.sub, NegSet(std::move(items)));
  }
  reply(relay, connection, open.sub, open.payload_hex);
}

void StoredRelay::reply(ScriptedRelay& relay, ConnectionId connection, const std::string& sub,
                        const std::string& payload_hex) {
  const std::lock_guard lock(mutex_);
  const auto message = base::hex_decode(payload_hex);
  const auto answer = neg_respond(negotiations_.at(sub), message.value(), kMinNegFrame);
  relay.send(connection, neg_message_frame(sub, base::hex_encode(answer.value())));
}

std::size_t StoredRelay::count_stored() const {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

std::size_t StoredRelay::count_negotiations() const {
  const std::lock_guard lock(mutex_);
  return negotiations_opened_;
}

void StoredRelay::answer(ScriptedRelay& relay, ConnectionId connection,
                         const from_client::Req& req) {
  bool all = true;
  {
    const std::lock_guard lock(mutex_);
    asked_.insert(asked_.end(), req.filters.begin(), req.filters.end());
    open_.push_back({connection, req.sub, req.filters});
    std::ranges::sort(events_, [](const Event& a, const Event& b) {
      return a.created_at != b.created_at ? a.created_at > b.created_at : a.id < b.id;
    });
    std::set<EventId> sent;
    for (const Filter& filter : req.filters) {
      std::size_t left = std::min<std::size_t>(filter.limit.value_or(UINT32_MAX), ways_.cap);
      for (const Event& event : events_) {
        if (!matches(filter, event)) continue;
        if (left == 0) {
          all = false;
          break;
        }
        --left;
        if (sent.insert(event.id).second)
          relay.send(connection, relay_event_frame(req.sub, event));
      }
    }
  }
  if (ways_.before_eose) ways_.before_eose(*this);
  const EoseHint hint = !ways_.hints ? EoseHint::kNone : all ? EoseHint::kFinish : EoseHint::kMore;
  relay.send(connection, eose_frame(req.sub, hint));
}

base::Result<std::optional<UnixTime>> MemoryCursors::get(const std::string& relay,
                                                         const Sha256& filter) {
  const auto it = at.find({relay, filter.hex()});
  return it == at.end() ? std::nullopt : std::optional(it->second);
}

base::Result<void> MemoryCursors::advance(const std::string& relay, const Sha256& filter,
                                          UnixTime to) {
  UnixTime& cursor = at[{relay, filter.hex()}];
  cursor = std::max(cursor, to);
  return {};
}

}  // namespace nostr::testing
