// What is asked of relays once: a fetch, a publication, a count. Each ends by its deadline.
#include "nostr/client/pool_impl.h"

namespace nostr {

using std::chrono::milliseconds;

namespace {

/// What a fetch has so far. Shared with the callbacks, which may fire while it waits.
struct Fetching {
  explicit Fetching(base::Loop& loop) : changed(loop) {}
  base::Signal changed;
  FetchResult result;
  std::map<std::string, std::string> open;  ///< normal form → as the caller spelt it
  bool overflow = false;

  void done(const std::string& url, const std::string& failure, EoseHint hint) {
    const auto it = open.find(url);
    if (it == open.end()) return;
    // What came after the bound is lost, so an EOSE behind it completes nothing.
    if (overflow)
      result.failed.emplace_back(it->second,
                                 "more than " + std::to_string(result.events.size()) + " events");
    else if (failure.empty())
      result.complete.push_back(it->second);
    else
      result.failed.emplace_back(it->second, failure);
    if (!overflow && hint == EoseHint::kFinish) result.finished.push_back(it->second);
    open.erase(it);
    if (open.empty()) changed.notify();
  }
};

bool newer(const EventPtr& a, const EventPtr& b) {
  return a->created_at != b->created_at ? a->created_at > b->created_at : a->id < b->id;
}

}  // namespace

base::Task<FetchResult> Pool::fetch(std::vector<std::string> relays, Filters filters,
                                    milliseconds limit) {
  impl_->loop.check();
  const std::shared_ptr<Impl> impl = impl_;
  const auto state = std::make_shared<Fetching>(impl->loop);
  auto sub = std::make_shared<Impl::Sub>();
  const std::vector<std::string> urls = normal_urls(relays);
  for (std::size_t i = 0; i < relays.size(); ++i) state->open.emplace(urls[i], relays[i]);
  sub->urls = unique_urls(urls);
  sub->target = impl->make_target(0, std::move(filters), nullptr);
  const std::size_t most = impl->options.max_fetched;
  sub->callbacks.on_events = [state, most](std::span<const Delivery> deliveries) {
    for (const Delivery& delivery : deliveries) {
      if (state->result.events.size() < most) {
        state->result.events.push_back(delivery.event);
      } else if (!std::exchange(state->overflow, true)) {
        state->changed.notify();
      }
    }
  };
  sub->on_done = [state](const std::string& url, const std::string& failure, EoseHint hint) {
    state->done(url, failure, hint);
  };
  const auto deadline = Steady::now() + limit;
  const SubKey key = impl->add_sub(sub);
  const AtEnd close([impl, key] { impl->remove_sub(key); });
  while (!state->open.empty() && !state->overflow) {
    const milliseconds left = remaining(deadline);
    if (left == milliseconds{0}) break;
    co_await state->changed.wait_for(left);
  }
  const std::string why = "no EOSE within " + std::to_string(limit.count()) + " ms";
  while (!state->open.empty()) state->done(std::string(state->open.begin()->first), why, EoseHint::kNone);
  FetchResult result = std::move(state->result);
  std::ranges::sort(result.events, newer);
  co_return result;
}

namespace {

struct Publishing {
  explicit Publishing(base::Loop& loop) : changed(loop) {}
  base::Signal changed;
  std::vector<PublishOutcome> outcomes;
  struct Open {
    std::string url;
    std::size_t outcome;  ///< its place in `outcomes`
  };
  std::map<Ticket, Open> open;
};

}  // namespace

base::Task<std::vector<PublishOutcome>> Pool::publish(std::vector<std::string> relays,
                                                      Event event, PublishOptions options) {
  impl_->loop.check();
  const std::shared_ptr<Impl> impl = impl_;
  const auto state = std::make_shared<Publishing>(impl->loop);
  const milliseconds limit = options.limit.value_or(impl->options.ok_timeout);
  const auto deadline = Steady::now() + limit;
  const AtEnd close([impl, state] {
    for (const auto& [ticket, open] : state->open) {
      impl->publications.erase(ticket);
      const auto it = impl->links.find(open.url);
      if (it != impl->links.end()) it->second->connection().withdraw(ticket);
    }
  });

  state->outcomes.resize(relays.size());
  for (std::size_t i = 0; i < relays.size(); ++i) {
    PublishOutcome& outcome = state->outcomes[i];
    outcome.relay = relays[i];
    outcome.state = PublishOutcome::State::kUnsent;
    const std::string url = normalize_relay_url(relays[i]);
    if (impl->stopped || !is_relay_url(url)) {
      outcome.message = impl->stopped ? "the pool has stopped" : "not a relay url";
      continue;
    }
    RelayLink& relay = impl->link(url);
    outcome.message = relay.left_because();
    if (!outcome.message.empty()) continue;
    const Ticket ticket = impl->next_number++;
    state->open.emplace(ticket, Publishing::Open{url, i});
    impl->publications.emplace(ticket, [state, i, ticket](PublishOutcome answer) {
      answer.relay = state->outcomes[i].relay;
      state->outcomes[i] = std::move(answer);
      state->open.erase(ticket);
      if (state->open.empty()) state->changed.notify();
    });
    outcome.message = "no OK within " + std::to_string(limit.count()) + " ms";
    relay.connection().publish(ticket, event, options.repeat ? Repeat::kOnce : Repeat::kNever,
                               Steady::now());
    relay.pump();
  }
  while (!state->open.empty()) {
    const milliseconds left = remaining(deadline);
    if (left == milliseconds{0}) break;
    co_await state->changed.wait_for(left);
  }
  for (const auto& [ticket, open] : state->open) {
    const auto it = impl->links.find(open.url);
    if (it != impl->links.end() && it->second->connection().may_have(ticket))
      state->outcomes[open.outcome].state = PublishOutcome::State::kUnknown;
  }
  std::vector<PublishOutcome> outcomes = state->outcomes;
  co_return outcomes;
}

base::Task<base::Result<CountAnswer>> Pool::count(std::string relay, Filters filters,
                                                    milliseconds limit) {
  impl_->loop.check();
  const std::shared_ptr<Impl> impl = impl_;
  struct Counting {
    explicit Counting(base::Loop& loop) : changed(loop) {}
    base::Signal changed;
    std::optional<base::Result<CountAnswer>> answer;
  };
  const auto state = std::make_shared<Counting>(impl->loop);
  const std::string url = normalize_relay_url(relay);
  if (impl->stopped || !is_relay_url(url))
    co_return base::fail(base::Errc::kInvalid,
                         impl->stopped ? "the pool has stopped" : relay + " is not a relay url");
  RelayLink& link = impl->link(url);
  if (const std::string why = link.left_because(); !why.empty())
    co_return base::fail(base::Errc::kUnavailable, url + ": " + why);
  const auto deadline = Steady::now() + limit;
  const Ticket ticket = impl->next_number++;
  impl->counts.emplace(ticket, [state](base::Result<CountAnswer> answer) {
    state->answer = std::move(answer);
    state->changed.notify();
  });
  const AtEnd close([impl, ticket, url] {
    impl->counts.erase(ticket);
    const auto it = impl->links.find(url);
    if (it != impl->links.end()) it->second->connection().withdraw(ticket);
  });
  link.connection().count(ticket, std::move(filters));
  link.pump();
  while (!state->answer) {
    const milliseconds left = remaining(deadline);
    if (left == milliseconds{0})
      co_return base::fail(base::Errc::kUnsupported, url + " did not answer COUNT (NIP-45)");
    co_await state->changed.wait_for(left);
  }
  base::Result<CountAnswer> answer = *std::move(state->answer);
  co_return answer;
}

}  // namespace nostr
