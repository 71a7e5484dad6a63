// One loop on one thread; every call is posted there and waited for.
#include "tests/orchestration/support/wallet_host.h"

#include <future>
#include <thread>

namespace wallet_service {

struct WalletHost::Impl {
  base::Task<void> open(HostOptions options) {
    network.set_fee(options.fee);
    for (const auto& [name, balance] : options.nodes) {
      network.add_node(name, balance);
      services.emplace(name, std::make_unique<WalletService>(pool, clock, rng, network, name,
                                                             options.relays, options.service));
    }
    services.at(options.nodes.front().first)->add_rules(options.rules);
    scripted = options.nodes.front().first;
    for (auto& [name, service] : services) co_await service->start();
  }
  base::Task<void> close() {
    services.clear();
    co_await pool.stop();
  }

  template <class Work>
  auto call(Work work) {
    std::promise<std::invoke_result_t<Work>> answer;
    loop.post([&] {
      if constexpr (std::is_void_v<std::invoke_result_t<Work>>) {
        work();
        answer.set_value();
      } else {
        answer.set_value(work());
      }
    });
    return answer.get_future().get();
  }

  base::SystemClock clock;
  base::SystemRng rng;
  base::Loop loop;
  nostr::NetThread net;
  base::Workers workers{1};
  nostr::Pool pool{loop, net, workers, clock, rng};
  lightning::Network network{rng};
  std::map<std::string, std::unique_ptr<WalletService>> services;
  std::string scripted;
  std::thread thread;
};

WalletHost::WalletHost(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::unique_ptr<WalletHost> WalletHost::start(HostOptions options) {
  auto impl = std::make_unique<Impl>();
  std::promise<void> opened;
  impl->thread = std::thread([&opened, raw = impl.get(), wanted = std::move(options)] {
    raw->loop.run_until_complete(raw->open(wanted));
    opened.set_value();
    raw->loop.run();
    raw->loop.run_until_complete(raw->close());
  });
  opened.get_future().wait();
  return std::unique_ptr<WalletHost>(new WalletHost(std::move(impl)));
}

WalletHost::~WalletHost() {
  impl_->loop.post([this] { impl_->loop.stop(); });
  impl_->thread.join();
}

std::string WalletHost::uri(const std::string& node) const {
  return impl_->call([&] { return impl_->services.at(node)->uri(); });
}

std::string WalletHost::make_invoice(const std::string& node, base::Msat amount,
                                     std::chrono::seconds expiry) {
  return impl_->call([&] {
    return impl_->network.make_invoice(
        node,
        {.amount = amount, .description = "a coffee", .description_hash = {}, .expiry = expiry},
        impl_->clock.now());
  });
}

void WalletHost::add_rules(std::vector<Rule> rules) {
  impl_->call([&] { impl_->services.at(impl_->scripted)->add_rules(rules); });
}

base::Msat WalletHost::balance(const std::string& node) {
  return impl_->call([&] { return impl_->network.balance(node); });
}

int WalletHost::payments() {
  return impl_->call([&] { return impl_->network.payments(); });
}

int WalletHost::handled(const std::string& method) {
  return impl_->call([&] { return impl_->services.at(impl_->scripted)->handled(method); });
}

}  // namespace wallet_service
