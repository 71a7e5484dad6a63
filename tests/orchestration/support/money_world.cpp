// Wiring of the money world.
#include "tests/orchestration/support/money_world.h"

namespace orchestration::testing {

namespace {

base::Task<void> stop_pool(nostr::Pool* pool) {
  co_await pool->stop();
}

std::filesystem::path make_directory() {
  std::string pattern = std::filesystem::temp_directory_path() / "sovereign-money-XXXXXX";
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

}  // namespace

MoneyWorld::MoneyWorld(base::Msat balance, wallet_service::Options options)
    : wallet_pool(world.loop, world.net, world.workers, world.clock, world.rng),
      directory_(make_directory()) {
  network.add_node("ours", balance);
  network.add_node("shop", base::Msat{0});
  service = std::make_unique<wallet_service::WalletService>(
      wallet_pool, world.clock, world.rng, network, "ours", std::vector{world.url()},
      std::move(options));
  run(service->start());
  open();
}

MoneyWorld::~MoneyWorld() {
  cashier.reset();
  wallet.reset();
  service.reset();
  run(stop_pool(&wallet_pool));
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void MoneyWorld::open() {
  db = must(storage::open_database((directory_ / "sovereign.db").string()));
  wallet = std::make_unique<WalletClient>(
      world.pool, world.clock, world.rng, must(nostr::parse_wallet_uri(service->uri())),
      WalletClientOptions{.answer_timeout = patience_},
      [this](const nostr::WalletNotification& notice) {
        notices.push_back(notice);
        if (cashier) cashier->hear(notice);
      });
  cashier = std::make_unique<Cashier>(
      Cashier::Deps{world.loop, *db, world.clock, *wallet, [this](const std::string& text) { told.push_back(text); }}, LimitBook(*db, configured));
}

void MoneyWorld::restart() {
  cashier.reset();
  wallet.reset();
  db.reset();
  open();
}

void MoneyWorld::misbehave(const std::string& method, wallet_service::Fault fault,
                           nostr::WalletErrc code) {
  service->add_rules({{.method = method, .fault = fault, .code = code}});
}

std::string MoneyWorld::bill(base::Msat amount, std::chrono::seconds expiry) {
  return network.make_invoice(
      "shop",
      {.amount = amount, .description = "a coffee", .description_hash = {}, .expiry = expiry},
      world.clock.now());
}

PaymentOrder MoneyWorld::order(std::string key, const std::string& invoice, base::Msat amount) {
  return {.key = std::move(key),
          .purpose = "invoice",
          .who = {.agent = "main", .tick = "t1", .task = "", .skill = "", .counterparty = "shop"},
          .invoice = invoice,
          .terms = {.amount = amount},
          .max_fee = std::nullopt};
}

base::Result<storage::PaymentRow> MoneyWorld::pay(std::string key, const std::string& invoice,
                                                  base::Msat amount, Limits limits) {
  TRY(const storage::PaymentRow row, cashier->open(order(std::move(key), invoice, amount)));
  return run(cashier->pay(row.key, limits));
}

int MoneyWorld::times_paid(const std::string& invoice) const {
  return network.times_paid(must(nostr::parse_invoice(invoice)).payment_hash);
}

void MoneyWorld::set_limit(storage::Dimension dimension, std::string name, storage::Per per,
                           std::int64_t msat) {
  must(storage::SpendLimits(*db).set(
      {dimension, std::move(name), per, base::Msat{msat}, world.clock.now()}));
}

storage::BudgetTotals MoneyWorld::node_today() {
  return must(storage::Budgets(*db).totals({.key = "node", .window = storage::Window::kDay},
                                           world.clock.now()));
}

}  // namespace orchestration::testing
