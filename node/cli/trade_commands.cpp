// skill offer, sell, orders: a seller's side. skill quote, buy, purchases: a buyer's.
#include <csignal>
#include <thread>

#include <fmt/format.h>

#include "node/blob_store.h"
#include "node/cli/flags.h"
#include "node/cli/seller.h"
#include "node/cli/service.h"
#include "node/cli/skill_commands.h"
#include "node/control.h"
#include "node/skill_shop.h"
#include "nostr/base/log.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::int_or;
using base::json::string_or;
using base::json::Value;

constexpr std::chrono::seconds kAskPatience{60};
constexpr std::chrono::milliseconds kLook{300};

std::string sats(std::int64_t msat) {
  return msat % 1000 == 0 ? fmt::format("{} sat", msat / 1000) : fmt::format("{} msat", msat);
}

int print_answer(const Context& context, const Result<Value>& answer,
                 const std::function<void(const Value&)>& print) {
  if (!answer) return report_usage(context, answer.error());
  if (context.json) print_json(*answer);
  else print(*answer);
  return kOk;
}

int print_rows(const Context& context, const Result<Value>& answer, std::string_view none,
               const std::function<void(const Value&)>& print) {
  if (!answer) return report_usage(context, answer.error());
  for (const Value& row : *answer) {
    if (context.json) print_json(row);
    else print(row);
  }
  if (answer->empty()) progress(context, none);
  return kOk;
}

// ---- the seller --------------------------------------------------------------------------------

struct OfferArguments {
  SellerFlags seller;
  OfferSkill wish;
  std::string type = "perpetual";
  std::int64_t price = -1;
  std::uint64_t uses = 0;
  std::uint64_t per_day = 0;
  std::chrono::seconds lasts{0};
};

int offer(const Context& context, const OfferArguments& arguments) {
  OfferSkill wish = arguments.wish;
  const auto type = nipsa::parse_licence_type(arguments.type);
  if (!type) return report_usage(context, type.error());
  wish.terms.type = *type;
  if (arguments.uses > 0) wish.terms.max_uses = arguments.uses;
  if (arguments.per_day > 0) wish.terms.max_per_day = arguments.per_day;
  if (arguments.lasts.count() > 0) wish.terms.lasts = arguments.lasts;
  if (arguments.price < 0 && !wish.withdraw)
    return report_usage(context, {Errc::kInvalid, "a price is needed", "--price 2500, or 0 to give it away"});
  wish.price = base::Sat{std::max<std::int64_t>(0, arguments.price)};
  if (const auto good = nipsa::check_terms(wish.terms); !good) return report_usage(context, good.error());
  const auto done = with_seller(context, arguments.seller, [&](Runtime&, SkillSeller& seller) {
    return seller.offer(wish);
  });
  return print_answer(context, done, [](const Value& v) {
    print_foreign(fmt::format("{:<9}  {} {}  {} sat, {}", string_or(v, "status"), string_or(v, "skill"),
                              string_or(v, "version"), int_or(v, "price_sats"), string_or(v, "type")));
  });
}

/// A shop as a program: books, wallet, orders and the control socket.
struct OpenShop {
  Runtime& runtime;
  const Home& home;
  SkillSeller& seller;
  Treasury& treasury;
  SkillShop& shop;
  const std::string listen;  ///< where blobs are served; "" for nowhere
  std::unique_ptr<ControlServer> control;
  std::unique_ptr<BlobServer> blobs;

  base::Task<Result<Value>> answer(std::string method, Value params) {
    if (method == "seller") co_return co_await shop.answer(std::move(params));
    if (method == "wallet") co_return co_await treasury.wallet(std::move(params));
    if (method == "budget") co_return treasury.budget(params);
    co_return base::fail(Errc::kUnsupported, fmt::format("a shop has no method \"{}\"", method));
  }
  base::Task<Result<void>> start() {
    CO_TRY(control, ControlServer::listen(runtime.loop, home.control_socket(),
                                          [this](std::string method, Value params) {
                                            return answer(std::move(method), std::move(params));
                                          }));
    if (!listen.empty()) {
      CO_TRY(blobs, BlobServer::start(runtime.net, home, listen));
      if (seller.blobs_at().empty()) seller.put_blobs_at(blobs->url());
    }
    CO_TRY(co_await seller.start());
    treasury.start();
    co_return co_await shop.start();
  }
  base::Task<void> stop() {
    if (control) co_await control->stop();
    co_await shop.stop();
    co_await treasury.stop();
    co_await seller.stop();
    blobs.reset();
  }
};

int sell(const Context& context, const SellerFlags& flags, const std::string& listen) {
  const Home home = context.home();
  const auto config = load_config(home);
  if (!config) return report(context, config.error());
  auto relays = market_relays(*config, flags.relays);
  if (!relays) return report_usage(context, relays.error());
  Runtime runtime;
  auto seller = open_seller(runtime, home, *config, flags, *std::move(relays));
  if (!seller) return report(context, seller.error());
  Treasury treasury({runtime, (*seller)->db(), home, *config});
  SkillShop shop(runtime, **seller, treasury);
  (*seller)->put_blobs_at(flags.blobs_at);
  OpenShop open{runtime, home, **seller, treasury, shop, listen, nullptr, nullptr};
  Service service(runtime.loop);
  const auto ended = service.run({.start = [&] { return open.start(); },
                                  .ready =
                                      [&] {
                                        const std::string key = (*seller)->key().hex();
                                        if (context.json) print_json({{"selling", key}});
                                        else print_line("selling " + key);
                                      },
                                  .stop = [&] { return open.stop(); }});
  if (!ended) return report(context, ended.error());
  return *ended == SIGINT ? kInterrupted : kOk;
}

void print_order(const Value& row) {
  print_foreign(fmt::format("{:<6}  {}  {}  {}  {}", string_or(row, "state"), string_or(row, "order"),
                            sats(int_or(row, "price_msat")), string_or(row, "skill"),
                            string_or(row, "detail")));
}

// ---- the buyer ---------------------------------------------------------------------------------

struct BuyArguments {
  std::string skill, from;
  std::int64_t max_sats = -1;
  bool untrusted = false;
  bool again = false;
  std::chrono::seconds timeout{900};
};

Result<Value> ask_node(const Context& context, const Value& params) {
  return control_call(context.home().control_socket(), "purchase", params, kAskPatience);
}

void print_quote(const Value& v) {
  print_foreign(fmt::format("{} {}  {}", string_or(v, "name"), string_or(v, "version"), string_or(v, "skill")));
  print_foreign(fmt::format("  price   {}, and a fee of up to {}", sats(int_or(v, "price_msat")),
                            sats(int_or(v, "fee_up_to_msat"))));
  print_foreign("  seller  " + string_or(v, "seller"));
  print_foreign("  terms   " + base::json::dump(v.at("terms")));
  print_foreign(fmt::format("  trust   {}: {}", string_or(v, "trust"), string_or(v, "why")));
  for (const Value& limit : v.at("exceeds")) print_foreign("  beyond a limit: " + limit.get<std::string>());
  if (v.value("asks_operator", false)) print_line("  the operator will be asked");
}

void print_purchase(const Value& v) {
  print_foreign(fmt::format("{:<8}  {} {}  {}  {}", string_or(v, "state"), string_or(v, "name"),
                            string_or(v, "version"), sats(int_or(v, "price_msat")), string_or(v, "purchase")));
  for (const char* name : {"licence", "detail"})
    if (const std::string value = string_or(v, name); !value.empty())
      print_foreign(fmt::format("  {}: {}", name, value));
}

std::string step_text(const Value& v) {
  const std::string state = string_or(v, "state");
  if (state == "wanted") return "asking whether it may be bought; sovereign pending shows an open question";
  if (state == "ordered") return "ordered; waiting for the seller's bill";
  if (state == "billed") return "paying " + sats(int_or(v, "price_msat"));
  if (state == "paid") return "paid; waiting for licence and delivery";
  return state;
}

int code_of(const Value& purchase) {
  const std::string state = string_or(purchase, "state");
  if (state == "done") return kOk;
  return state == "refused" ? kDenied : kFailed;
}

bool is_over(const Value& purchase) {
  return !purchase.contains("waits_for");
}

/// Follows a purchase to its end. It goes on whether anybody watches or not.
int watch(const Context& context, Value purchase, std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const Value which = {{"verb", "purchase"}, {"purchase", purchase.at("purchase")}};
  std::string told;
  while (!is_over(purchase)) {
    std::string step = step_text(purchase);
    if (const std::string detail = string_or(purchase, "detail"); !detail.empty()) step += ": " + detail;
    if (step != told) progress(context, base::escape_for_terminal(step));
    told = step;
    if (std::chrono::steady_clock::now() >= deadline)
      return report(context, {Errc::kTimeout, "it is not over yet, and goes on",
                              "sovereign skill purchases; or the same command again"});
    std::this_thread::sleep_for(kLook);
    auto next = ask_node(context, which);
    if (!next) return report_control(context, next.error());
    purchase = *std::move(next);
  }
  if (context.json) print_json(purchase);
  else print_purchase(purchase);
  return code_of(purchase);
}

int buy(const Context& context, const BuyArguments& arguments) {
  Value params = {{"verb", "buy"},
                  {"skill", arguments.skill},
                  {"from", arguments.from},
                  {"untrusted", arguments.untrusted},
                  {"again", arguments.again}};
  if (arguments.max_sats >= 0) params["max_msat"] = base::to_msat(base::Sat{arguments.max_sats}).value;
  const auto begun = ask_node(context, params);
  if (!begun) return report_node(context, begun.error());
  if (begun->value("resumed", false)) progress(context, "this purchase is under way already");
  return watch(context, *begun, arguments.timeout);
}

// ---- registration ------------------------------------------------------------------------------

void add_selling(CLI::App& skill, Context& context, Action* chosen) {
  auto a = std::make_shared<OfferArguments>();
  auto* offer_command = skill.add_subcommand("offer", "Put a published skill up for sale, or take it off");
  offer_command->add_option("folder", a->wish.folder, "The skill's folder, as it was published")->required();
  offer_command->add_option("--price", a->price, "Satoshi for one licence; 0 gives it away")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{2'100'000'000'000'000}));
  offer_command->add_option("--type", a->type, "perpetual, subscription or metered");
  offer_command->add_option("--uses", a->uses, "How often it may be opened, in all");
  offer_command->add_option("--per-day", a->per_day, "How often it may be opened in a day");
  add_duration(*offer_command, "--lasts", a->lasts, "How long; default without end");
  offer_command->add_flag("--withdraw", a->wish.withdraw, "It is not for sale any more");
  add_seller_flags(*offer_command, a->seller);
  offer_command->footer(
      "Examples:\n  sovereign skill offer release-digest --price 2500 --type metered --uses 100 "
      "--relay ws://127.0.0.1:7777 --home shop");
  offer_command->callback([=, &context] { *chosen = [=, &context] { return offer(context, *a); }; });

  auto flags = std::make_shared<SellerFlags>();
  auto* sell_command =
      skill.add_subcommand("sell", "Be open: bill what is ordered, and license what is paid");
  auto listen = std::make_shared<std::string>();
  add_seller_flags(*sell_command, *flags);
  sell_command->add_option("--listen", *listen,
                           "Serve bodies over 16 KiB at address:port, for a TLS proxy or a private network");
  add_blob_flag(*sell_command, *flags);
  sell_command->footer(
      "Whatever costs something is paid to the wallet of this home (sovereign wallet connect).\n"
      "Prints \"selling KEY\": buyers put that key into skills.issuers.\n"
      "Examples:\n  sovereign skill sell --relay ws://127.0.0.1:7777 --home shop");
  sell_command->callback([=, &context] { *chosen = [=, &context] { return sell(context, *flags, *listen); }; });

  auto limit = std::make_shared<std::int64_t>(50);
  auto* orders = skill.add_subcommand("orders", "Orders taken here, newest first");
  orders->add_option("--limit", *limit, "At most so many")->check(CLI::Range(1, 500));
  orders->footer("Examples:\n  sovereign skill orders --home shop --json");
  orders->callback([=, &context] {
    *chosen = [=, &context] {
      const auto rows = ask_seller(context, {.offline = true}, {{"verb", "orders"}, {"limit", *limit}},
                                   [&](Runtime&, SkillSeller& seller) -> base::Task<Result<Value>> {
                                     co_return seller.orders(*limit);
                                   });
      return print_rows(context, rows, "nothing was ordered here", print_order);
    };
  });
}

void add_buying(CLI::App& skill, Context& context, Action* chosen) {
  auto a = std::make_shared<BuyArguments>();
  const auto add_common = [a](CLI::App* command) {
    command->add_option("skill", a->skill, "33400:KEY:NAME or naddr")->required();
    command->add_option("--from", a->from, "Only from this seller; default whoever asks least");
  };
  auto* quote = skill.add_subcommand("quote", "What a licence costs, to whom, and whether it may be bought");
  add_common(quote);
  quote->footer("Examples:\n  sovereign skill quote "
      "33400:3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaeefa459d:release-digest --home agent");
  quote->callback([=, &context] {
    *chosen = [=, &context] {
      const auto quoted = ask_node(context, {{"verb", "quote"}, {"skill", a->skill}, {"from", a->from}});
      if (!quoted) return report_node(context, quoted.error());
      return print_answer(context, quoted, print_quote);
    };
  });

  auto* buy_command = skill.add_subcommand("buy", "Buy a licence and wait until the skill is here");
  add_common(buy_command);
  buy_command->add_option("--max", a->max_sats, "At most so many satoshi")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{2'100'000'000'000'000}));
  buy_command->add_flag("--untrusted", a->untrusted, "Even when nobody you trust vouches for it");
  buy_command->add_flag("--again", a->again, "Even when a licence of this version is held already");
  add_duration(*buy_command, "--timeout", a->timeout, "How long to watch; the purchase goes on without");
  buy_command->footer(
      "One purchase of a skill is under way at a time: the same command again watches that one.\n"
      "Exit codes: 0 it is here, 1 it failed and nothing was paid, 3 no node runs, 4 refused: by trust,\n"
      "limit or operator, 124 not over yet\n"
      "Examples:\n  sovereign skill buy "
      "33400:3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaeefa459d:release-digest "
      "--max 2500 --home agent --json");
  buy_command->callback([=, &context] { *chosen = [=, &context] { return buy(context, *a); }; });

  auto limit = std::make_shared<std::int64_t>(50);
  auto* list = skill.add_subcommand("purchases", "What was bought, is being bought, or failed; newest first");
  list->add_option("--limit", *limit, "At most so many")->check(CLI::Range(1, 500));
  list->footer("Examples:\n  sovereign skill purchases --home agent --json");
  list->callback([=, &context] {
    *chosen = [=, &context] {
      const auto rows = ask_node(context, {{"verb", "purchases"}, {"limit", *limit}});
      if (!rows) return report_node(context, rows.error());
      return print_rows(context, rows, "nothing was bought", print_purchase);
    };
  });
}

}  // namespace

int report_node(const Context& context, const base::Error& error) {
  return error.code == Errc::kUnavailable ? report_control(context, error) : report_usage(context, error);
}

void add_trade_commands(CLI::App& skill, Context& context, Action* chosen) {
  add_selling(skill, context, chosen);
  add_buying(skill, context, chosen);
}

}  // namespace node::cli
