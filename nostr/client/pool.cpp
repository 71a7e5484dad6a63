// The pool: which subscription, fetch or publication wants what from which relay, and who hears.
#include <utility>

#include "nostr/base/log.h"
#include "nostr/client/pool_impl.h"

namespace nostr {

std::vector<std::string> unique_urls(const std::vector<std::string>& urls) {
  std::vector<std::string> out;
  for (const std::string& url : urls)
    if (std::ranges::find(out, url) == out.end()) out.push_back(url);
  return out;
}

std::vector<std::string> normal_urls(const std::vector<std::string>& urls) {
  std::vector<std::string> out;
  out.reserve(urls.size());
  for (const std::string& url : urls) out.push_back(normalize_relay_url(url));
  return out;
}

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
