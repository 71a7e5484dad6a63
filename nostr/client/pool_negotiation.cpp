// A conversation with one relay about what both sides hold (NIP-77).
#include "nostr/client/pool_impl.h"

namespace nostr {

using std::chrono::milliseconds;

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

}  // namespace nostr
