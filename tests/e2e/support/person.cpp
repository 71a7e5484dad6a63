// A client for tests, over the program's own pool.
#include "tests/e2e/support/person.h"

#include <algorithm>
#include <map>

#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/nips/nip59.h"
#include "nostr/signer/key_signer.h"
#include "tests/e2e/support/must.h"

namespace e2e {
namespace {

using nostr::Event;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookAfter{20};

nostr::PoolOptions quick_to_reconnect() {
  nostr::PoolOptions options;
  options.backoff_initial = milliseconds{50};
  options.backoff_max = milliseconds{500};
  return options;
}

std::optional<Message> open_message(const Event& wrap, const nostr::SecretKey& key) {
  auto rumor = nostr::unwrap(wrap, key);
  if (!rumor) return std::nullopt;
  auto message = nostr::parse_private_message(rumor->event);
  if (!message) return std::nullopt;
  return Message{rumor->id, message->from, message->at, message->subject, message->text, wrap.id};
}

}  // namespace

struct Person::Client {
  Client(std::vector<std::string> urls, nostr::SecretKey key)
      : runtime(quick_to_reconnect()),
        signer(std::move(key), runtime.clock, runtime.rng),
        relays(std::move(urls)) {
    runtime.pool.set_auth("", &signer);
  }
  ~Client() {
    watches.clear();
    runtime.loop.run_until_complete(runtime.pool.stop());
  }

  /// A subscription that stays, with what it has brought.
  struct Watch {
    explicit Watch(base::Loop& loop) : answered(loop) {}
    std::vector<Event> events;
    std::size_t relays_that_answered = 0;
    base::Signal answered;
    std::unique_ptr<nostr::Subscription> subscription;
  };

  base::Task<void> listen(nostr::Filter filter, Watch& watch) {
    nostr::Filters filters{std::move(filter)};
    watch.subscription =
        runtime.pool.subscribe(relays, std::move(filters),
                               {.on_events =
                                    [&watch](std::span<const nostr::Delivery> batch) {
                                      for (const nostr::Delivery& delivery : batch)
                                        watch.events.push_back(*delivery.event);
                                    },
                                .on_eose =
                                    [&watch](const std::string&) {
                                      ++watch.relays_that_answered;
                                      watch.answered.notify();
                                    },
                                .on_closed = {}});
    while (watch.relays_that_answered < relays.size())
      if (!co_await watch.answered.wait_for(kPatience))
        throw std::runtime_error("no relay answers a subscription");
  }

  base::Task<std::optional<Event>> first_match(nostr::Filter filter, EventTest wanted,
                                               milliseconds limit) {
    base::Signal arrived(runtime.loop);
    std::optional<Event> found;
    nostr::Filters filters{std::move(filter)};
    const auto subscription =
        runtime.pool.subscribe(relays, std::move(filters),
                               {.on_events =
                                    [&](std::span<const nostr::Delivery> batch) {
                                      for (const nostr::Delivery& delivery : batch)
                                        if (!found && (!wanted || wanted(*delivery.event)))
                                          found = *delivery.event;
                                      if (found) arrived.notify();
                                    },
                                .on_eose = {},
                                .on_closed = {}});
    const auto deadline = steady_clock::now() + limit;
    while (!found && steady_clock::now() < deadline) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()) +
                        milliseconds{1};
      co_await arrived.wait_for(look_after ? std::min(left, kLookAfter) : left);
      if (look_after) look_after();
    }
    co_return found;
  }

  node::Runtime runtime;
  nostr::KeySigner signer;
  std::vector<std::string> relays;
  std::function<void()> look_after;
  std::vector<std::unique_ptr<Watch>> watches;
};

Person::Person(std::vector<std::string> relays) {
  base::SystemRng rng;
  client_ = std::make_unique<Client>(std::move(relays), nostr::SecretKey::generate(rng));
}

Person::Person(std::vector<std::string> relays, nostr::SecretKey key)
    : client_(std::make_unique<Client>(std::move(relays), std::move(key))) {}

Person::~Person() = default;

const nostr::SecretKey& Person::key() const {
  return client_->signer.key();
}

nostr::PublicKey Person::pubkey() const {
  return client_->signer.public_key();
}

nostr::UnixTime Person::now() const {
  return client_->runtime.clock.now();
}

base::Rng& Person::rng() {
  return client_->runtime.rng;
}

void Person::save_key(const std::string& path) const {
  must(node::save_key_file(path, key()));
}

void Person::move_to(std::vector<std::string> relays) {
  client_->relays = std::move(relays);
}

void Person::while_waiting(std::function<void()> look_after) {
  client_->look_after = std::move(look_after);
}

Event Person::sign(nostr::Kind kind, nostr::Tags tags, std::string content) {
  return nostr::sign_event({kind, now(), std::move(tags), std::move(content)}, key(), rng());
}

void Person::publish(const Event& event) {
  if (const std::string problem = offer(event); !problem.empty())
    throw std::runtime_error("not published: " + problem);
}

std::string Person::offer(const Event& event) {
  const auto outcomes = client_->runtime.loop.run_until_complete(
      client_->runtime.pool.publish(client_->relays, event));
  for (const nostr::PublishOutcome& outcome : outcomes)
    if (outcome.state != nostr::PublishOutcome::State::kAccepted)
      return outcome.relay + ": " + outcome.message;
  return "";
}

void Person::publish_inbox() {
  publish(nostr::sign_event(nostr::build_dm_relays(client_->relays, now()), key(), rng()));
}

std::vector<Event> Person::fetch(nostr::Filter filter) {
  nostr::Filters filters{std::move(filter)};
  const auto found = client_->runtime.loop.run_until_complete(
      client_->runtime.pool.fetch(client_->relays, std::move(filters), kPatience));
  if (found.complete.empty()) throw std::runtime_error("no relay answered a query");
  std::vector<Event> events;
  for (const nostr::EventPtr& event : found.events) events.push_back(*event);
  return events;
}

std::optional<Event> Person::look_for(nostr::Filter filter, EventTest wanted, milliseconds limit) {
  return client_->runtime.loop.run_until_complete(
      client_->first_match(std::move(filter), std::move(wanted), limit));
}

Event Person::await(nostr::Filter filter, EventTest wanted, milliseconds limit) {
  const std::string described = nostr::to_json(filter);
  auto event = look_for(std::move(filter), std::move(wanted), limit);
  if (!event) throw std::runtime_error("nothing came for " + described);
  return *std::move(event);
}

const std::vector<Event>& Person::watch(nostr::Filter filter) {
  client_->watches.push_back(std::make_unique<Client::Watch>(client_->runtime.loop));
  Client::Watch& watch = *client_->watches.back();
  client_->runtime.loop.run_until_complete(client_->listen(std::move(filter), watch));
  return watch.events;
}

std::vector<Event> Person::wrap(const nostr::PublicKey& to, const std::string& text,
                                const SendOptions& options) {
  const nostr::UnsignedEvent rumor =
      nostr::build_private_message({.from = pubkey(),
                                    .to = {to},
                                    .subject = "",
                                    .refs = options.refs,
                                    .text = text,
                                    .at = options.at.value_or(now())});
  std::vector<Event> wraps;
  for (int copy = 0; copy < options.copies; ++copy)
    wraps.push_back(must(nostr::wrap_rumor(rumor, key(), to, now() - options.dated_back, rng())));
  return wraps;
}

nostr::EventId Person::send(const nostr::PublicKey& to, const std::string& text,
                            const SendOptions& options) {
  SendOptions dated = options;
  if (!dated.at) dated.at = now();
  for (const Event& envelope : wrap(to, text, dated)) publish(envelope);
  return nostr::compute_id(nostr::build_private_message({.from = pubkey(),
                                                         .to = {to},
                                                         .subject = "",
                                                         .refs = dated.refs,
                                                         .text = text,
                                                         .at = *dated.at}));
}

std::vector<Message> Person::messages() {
  std::map<nostr::EventId, Message> unique;
  for (const Event& event :
       fetch({.kinds = {nostr::kinds::kGiftWrap}, .tags = {{'p', {pubkey().hex()}}}}))
    if (auto message = open_message(event, key())) unique.emplace(message->id, *std::move(message));
  std::vector<Message> out;
  for (auto& [id, message] : unique) out.push_back(std::move(message));
  std::sort(out.begin(), out.end(), [](const Message& a, const Message& b) {
    return std::pair(a.at, a.id) < std::pair(b.at, b.id);
  });
  return out;
}

Message Person::await_message(MessageTest wanted, milliseconds limit) {
  std::optional<Message> found;
  const auto opens = [&](const Event& event) {
    auto message = open_message(event, key());
    if (!message || (wanted && !wanted(*message))) return false;
    found = *std::move(message);
    return true;
  };
  if (!look_for({.kinds = {nostr::kinds::kGiftWrap}, .tags = {{'p', {pubkey().hex()}}}}, opens,
                limit))
    throw std::runtime_error("no such private message came");
  return *std::move(found);
}

}  // namespace e2e
