// The pool: which subscription, fetch or publication wants what from which relay, and who hears.
#include "nostr/client/pool.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "nostr/base/log.h"
#include "nostr/client/relay_link.h"

namespace nostr {

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

milliseconds remaining(Steady::time_point deadline) {
  return std::max(std::chrono::ceil<milliseconds>(deadline - Steady::now()), milliseconds{0});
}

std::vector<std::string> unique_urls(const std::vector<std::string>& urls) {
  std::vector<std::string> out;
  for (const std::string& url : urls)
    if (std::ranges::find(out, url) == out.end()) out.push_back(url);
  return out;
}

}  // namespace

// --- the shared state ---

struct Pool::Impl final : LinkOwner, std::enable_shared_from_this<Pool::Impl> {
  /// A subscription or one fetch: what the handlers below deliver to.
  struct Sub {
    std::vector<std::string> urls;  ///< in normal form
    TargetPtr target;
    SubscriptionCallbacks callbacks;
    /// Set for a fetch: a relay will bring nothing more, because `failure` or (empty) after EOSE.
    std::function<void(const std::string& url, const std::string& failure, EoseHint hint)> on_done;
  };
  using SubPtr = std::shared_ptr<Sub>;

  Impl(base::Loop& l, NetThread& n, base::Workers& w, const base::Clock& c, base::Rng& r,
       PoolOptions o)
      : loop(l),
        net(n),
        workers(w),
        clock(c),
        rng(r),
        options(std::move(o)),
        verifier(std::make_shared<VerifyPool>(options.seen_capacity, options.limits)),
        documents(loop, clock),
        scope(loop) {}

  RelayLink& link(const std::string& url);
  SubKey add_sub(SubPtr sub);
  void remove_sub(SubKey key);
  void update_sub(SubKey key, Filters filters);
  /// Later, from the loop: callers hear nothing before they have their handle.
  void report_closed(SubKey key, std::string url, std::string message);
  TargetPtr make_target(SubKey key, Filters filters, std::shared_ptr<DeliveredIds> delivered) const;

  void on_arrivals(RelayLink& link, std::span<const Arrival> arrivals) override;
  void on_action(RelayLink& link, Action action) override;
  const AuthIdentity* identity_for(const std::string& url) override;
  void on_state(const RelayStatus& status) override {
    if (!stopped && status_callback) status_callback(status);
  }
  bool may_be_private(const std::string& url) const override {
    return !private_relays || private_relays->contains(url);
  }

  base::Loop& loop;
  NetThread& net;
  base::Workers& workers;
  const base::Clock& clock;
  base::Rng& rng;
  const PoolOptions options;
  std::optional<std::set<std::string>> private_relays;  ///< unset: any relay may be private
  const std::shared_ptr<VerifyPool> verifier;
  RelayDocuments documents;
  base::Scope scope;
  std::map<std::string, std::shared_ptr<RelayLink>> links;
  std::unordered_map<SubKey, SubPtr> subs;
  std::unordered_map<Ticket, std::function<void(PublishOutcome)>> publications;
  std::unordered_map<Ticket, std::function<void(base::Result<CountAnswer>)>> counts;
  std::unordered_map<Ticket, std::function<void(base::Result<std::string>)>> negotiations;
  std::map<std::string, AuthIdentity> identities;
  std::function<void(const RelayStatus&)> status_callback;
  std::uint64_t next_number = 1;
  bool stopped = false;
};

RelayLink& Pool::Impl::link(const std::string& url) {
  // Links whose coroutine has ended made room for themselves long ago; forget them here.
  std::erase_if(links, [](const auto& entry) { return entry.second->finished(); });
  auto& slot = links[url];
  if (!slot) {
    const LinkContext context{loop,    net,      workers,   clock, rng,
                              options, verifier, documents, scope, *this};
    slot = std::make_shared<RelayLink>(url, context);
    scope.spawn("relay " + url, RelayLink::run(slot));
  }
  slot->hurry();
  return *slot;
}

const AuthIdentity* Pool::Impl::identity_for(const std::string& url) {
  const auto own = identities.find(url);
  const auto it = own != identities.end() ? own : identities.find("");
  return it == identities.end() || it->second.signer == nullptr ? nullptr : &it->second;
}

TargetPtr Pool::Impl::make_target(SubKey key, Filters filters,
                                  std::shared_ptr<DeliveredIds> delivered) const {
  return std::make_shared<const Target>(Target{key, std::move(filters), std::move(delivered), {}});
}

// --- subscriptions ---

SubKey Pool::Impl::add_sub(SubPtr sub) {
  const SubKey key = next_number++;
  const auto delivered = std::make_shared<DeliveredIds>(options.delivered_capacity);
  sub->target = make_target(key, sub->target->filters, delivered);
  subs.emplace(key, sub);
  for (const std::string& url : sub->urls) {
    if (stopped) {
      report_closed(key, url, "the pool has stopped");
    } else if (!is_relay_url(url)) {
      report_closed(key, url, "not a relay url");
    } else {
      RelayLink& relay = link(url);
      if (sub->on_done && !relay.left_because().empty()) {
        report_closed(key, url, relay.left_because());
        continue;
      }
      relay.connection().want(key, sub->target, Steady::now());
      relay.pump();
    }
  }
  return key;
}

void Pool::Impl::report_closed(SubKey key, std::string url, std::string message) {
  loop.post([weak = weak_from_this(), key, url = std::move(url), message = std::move(message)] {
    const auto self = weak.lock();
    if (!self) return;
    const auto it = self->subs.find(key);
    if (it == self->subs.end()) return;
    const SubPtr sub = it->second;
    if (sub->on_done) sub->on_done(url, message, EoseHint::kNone);
    if (sub->callbacks.on_closed) sub->callbacks.on_closed(url, message);
  });
}

void Pool::Impl::remove_sub(SubKey key) {
  const auto it = subs.find(key);
  if (it == subs.end()) return;
  const SubPtr sub = it->second;
  subs.erase(it);
  for (const std::string& url : sub->urls) {
    const auto entry = links.find(url);
    if (entry == links.end()) continue;
    entry->second->connection().drop(key, Steady::now());
    entry->second->pump();
  }
}

void Pool::Impl::update_sub(SubKey key, Filters filters) {
  const auto it = subs.find(key);
  if (it == subs.end() || stopped) return;
  const SubPtr sub = it->second;
  if (sub->target->filters == filters) return;
  sub->target = make_target(key, std::move(filters), sub->target->delivered);
  for (const std::string& url : sub->urls) {
    if (!is_relay_url(url)) continue;
    RelayLink& relay = link(url);
    relay.connection().want(key, sub->target, Steady::now());
    relay.pump();
  }
}

void Pool::Impl::on_arrivals(RelayLink& relay, std::span<const Arrival> arrivals) {
  std::vector<Delivery> batch;
  for (std::size_t i = 0; i < arrivals.size();) {
    // One call per run of events of the same subscription keeps the order of the wire.
    const SubKey key = arrivals[i].target->subscription;
    const auto it = subs.find(key);
    const SubPtr sub = it == subs.end() ? nullptr : it->second;
    batch.clear();
    for (; i < arrivals.size() && arrivals[i].target->subscription == key; ++i) {
      const Arrival& arrival = arrivals[i];
      if (!sub) continue;
      // An answer to filters that were replaced meanwhile counts if the new ones want it too.
      if (arrival.target != sub->target && !matches_any(sub->target->filters, *arrival.event))
        continue;
      if (!sub->target->delivered->insert(arrival.event->id)) continue;
      batch.push_back({arrival.event, relay.url(), arrival.stored});
    }
    if (!batch.empty() && sub->callbacks.on_events) sub->callbacks.on_events(batch);
  }
}

void Pool::Impl::on_action(RelayLink& relay, Action action) {
  const auto sub_of = [&](SubKey key) {
    const auto it = subs.find(key);
    return it == subs.end() ? nullptr : it->second;
  };
  if (const auto* eose = std::get_if<act::Eose>(&action)) {
    const SubPtr sub = sub_of(eose->sub);
    if (sub && sub->callbacks.on_eose) sub->callbacks.on_eose(relay.url());
    if (sub && sub->on_done) sub->on_done(relay.url(), "", eose->hint);
  } else if (const auto* closed = std::get_if<act::SubClosed>(&action)) {
    const SubPtr sub = sub_of(closed->sub);
    LOG(kDebug, "relay", "subscription closed",
        {{"url", relay.url()}, {"reason", closed->message}});
    if (sub && closed->for_good && sub->callbacks.on_closed)
      sub->callbacks.on_closed(relay.url(), closed->message);
    if (sub && sub->on_done)
      sub->on_done(relay.url(), closed->message.empty() ? "closed by the relay" : closed->message,
                   EoseHint::kNone);
  } else if (const auto* lost = std::get_if<act::Unreachable>(&action)) {
    const SubPtr sub = sub_of(lost->sub);
    if (sub && sub->on_done) sub->on_done(relay.url(), lost->reason, EoseHint::kNone);
  } else if (auto* published = std::get_if<act::Published>(&action)) {
    if (auto node = publications.extract(published->ticket); !node.empty())
      node.mapped()(std::move(published->outcome));
  } else if (auto* counted = std::get_if<act::Counted>(&action)) {
    if (auto node = counts.extract(counted->ticket); !node.empty())
      node.mapped()(std::move(counted->count));
  } else if (auto* negotiated = std::get_if<act::Negotiated>(&action)) {
    if (const auto it = negotiations.find(negotiated->ticket); it != negotiations.end())
      it->second(std::move(negotiated->payload_hex));
  }
}

// --- the handle ---

namespace {

class Handle final : public Subscription {
 public:
  Handle(std::function<void(Filters)> update, std::function<void()> close)
      : update_(std::move(update)), close_(std::move(close)) {}
  ~Handle() override { close_(); }
  void update(Filters filters) override { update_(std::move(filters)); }

 private:
  std::function<void(Filters)> update_;
  std::function<void()> close_;
};

/// Runs `fn` however the coroutine that owns it ends.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> fn) : fn_(std::move(fn)) {}
  ~AtEnd() { fn_(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  std::function<void()> fn_;
};

std::vector<std::string> normal_urls(const std::vector<std::string>& urls) {
  std::vector<std::string> out;
  out.reserve(urls.size());
  for (const std::string& url : urls) out.push_back(normalize_relay_url(url));
  return out;
}

}  // namespace

Pool::Pool(base::Loop& loop, NetThread& net, base::Workers& workers, const base::Clock& clock,
           base::Rng& rng, PoolOptions options)
    : impl_(std::make_shared<Impl>(loop, net, workers, clock, rng, std::move(options))) {}

Pool::~Pool() = default;

void Pool::set_auth(std::string relay, Signer* signer, AuthTerms terms) {
  impl_->loop.check();
  impl_->identities[relay.empty() ? relay : normalize_relay_url(relay)] = {signer, std::move(terms)};
  for (const auto& [url, link] : impl_->links) link->signer_changed();
}

void Pool::restrict_private(std::vector<std::string> trusted) {
  impl_->loop.check();
  const std::vector<std::string> urls = normal_urls(trusted);
  impl_->private_relays.emplace(urls.begin(), urls.end());
}

std::unique_ptr<Subscription> Pool::subscribe(std::vector<std::string> relays, Filters filters,
                                              SubscriptionCallbacks callbacks) {
  impl_->loop.check();
  auto sub = std::make_shared<Impl::Sub>();
  sub->urls = unique_urls(normal_urls(relays));
  sub->target = impl_->make_target(0, std::move(filters), nullptr);
  sub->callbacks = std::move(callbacks);
  const SubKey key = impl_->add_sub(sub);
  const std::weak_ptr<Impl> weak = impl_;
  return std::make_unique<Handle>(
      [weak, key](Filters changed) {
        if (const auto impl = weak.lock()) impl->update_sub(key, std::move(changed));
      },
      [weak, key] {
        if (const auto impl = weak.lock()) impl->remove_sub(key);
      });
}

std::vector<RelayStatus> Pool::status() const {
  impl_->loop.check();
  std::vector<RelayStatus> out;
  for (const auto& [url, link] : impl_->links)
    if (!link->finished()) out.push_back(link->status());
  return out;
}

void Pool::spawn(std::string name, base::Task<void> task) {
  impl_->loop.check();
  impl_->scope.spawn(std::move(name), std::move(task));
}

base::Loop& Pool::loop() const {
  return impl_->loop;
}

void Pool::on_status(std::function<void(const RelayStatus&)> callback) {
  impl_->loop.check();
  impl_->status_callback = std::move(callback);
}

base::Task<base::Result<RelayDocument>> Pool::information(std::string relay) {
  impl_->loop.check();
  const std::shared_ptr<Impl> impl = impl_;
  const std::string url = normalize_relay_url(relay);
  if (!is_relay_url(url)) co_return base::fail(base::Errc::kInvalid, relay + " is not a relay url");
  auto document = co_await impl->documents.get(url, impl->may_be_private(url));
  co_return document;
}

std::optional<ClockOffset> Pool::clock_offset() const {
  std::vector<ClockOffset> seen;
  for (const RelayStatus& relay : status())
    if (relay.clock) seen.push_back(*relay.clock);
  return median_offset(seen);
}

base::HistogramView Pool::verify_times() const {
  return impl_->verifier->verify_times();
}

std::uint64_t Pool::verifications() const {
  return impl_->verifier->verifications();
}

// --- requests ---

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

namespace {

/// What a conversation waits for. Shared with the callback.
struct Talking {
  explicit Talking(base::Loop& loop) : changed(loop) {}
  base::Signal changed;
  std::optional<base::Result<std::string>> answer;
};

/// Either half of what an open conversation does to the pool.
struct TalkHooks {
  std::function<base::Result<void>(std::string payload_hex)> send;
  std::function<void()> close;
};

class Talk final : public Negotiation {
 public:
  Talk(std::shared_ptr<Talking> state, TalkHooks hooks)
      : state_(std::move(state)), hooks_(std::move(hooks)) {}
  ~Talk() override { hooks_.close(); }

  base::Task<base::Result<std::string>> exchange(std::string payload_hex,
                                                 milliseconds limit) override {
    const std::shared_ptr<Talking> state = state_;
    state->answer.reset();
    CO_TRY(hooks_.send(std::move(payload_hex)));
    const auto deadline = Steady::now() + limit;
    while (!state->answer) {
      const milliseconds left = remaining(deadline);
      if (left == milliseconds{0})
        co_return base::fail(base::Errc::kTimeout, "no answer to a reconciliation (NIP-77)");
      co_await state->changed.wait_for(left);
    }
    base::Result<std::string> answer = *std::move(state->answer);
    co_return answer;
  }

 private:
  const std::shared_ptr<Talking> state_;
  const TalkHooks hooks_;
};

}  // namespace

std::unique_ptr<Negotiation> Pool::negotiate(std::string relay, Filter filter) {
  impl_->loop.check();
  const std::shared_ptr<Impl> impl = impl_;
  const auto state = std::make_shared<Talking>(impl->loop);
  const Ticket ticket = impl->next_number++;
  const std::string url = normalize_relay_url(relay);
  TalkHooks hooks;
  hooks.send = [impl, state, ticket, url, filter = std::move(filter)](
                   std::string payload_hex) -> base::Result<void> {
    if (impl->stopped || !is_relay_url(url))
      return base::fail(base::Errc::kUnavailable,
                        impl->stopped ? "the pool has stopped" : url + " is not a relay url");
    RelayLink& link = impl->link(url);
    if (const std::string why = link.left_because(); !why.empty())
      return base::fail(base::Errc::kUnavailable, url + ": " + why);
    if (impl->negotiations.contains(ticket)) {
      link.connection().negotiate_on(ticket, payload_hex);
    } else {
      impl->negotiations.emplace(ticket, [state](base::Result<std::string> answer) {
        state->answer = std::move(answer);
        state->changed.notify();
      });
      link.connection().negotiate(ticket, filter, std::move(payload_hex));
    }
    link.pump();
    return {};
  };
  hooks.close = [impl, ticket, url] {
    if (impl->negotiations.erase(ticket) == 0) return;
    const auto it = impl->links.find(url);
    if (it == impl->links.end()) return;
    it->second->connection().withdraw(ticket);
    it->second->pump();
  };
  return std::make_unique<Talk>(state, std::move(hooks));
}

base::Task<void> Pool::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->loop.check();
  impl->stopped = true;
  for (const auto& [key, sub] : impl->subs) sub->callbacks = {};
  const auto links = impl->links;
  for (const auto& [url, link] : links) link->shut("the pool has stopped");
  co_await impl->scope.stop();
  impl->links.clear();
}

}  // namespace nostr
