// wallet, budget: money from the command line, through the running process or without one.
#include "node/cli/wallet_commands.h"

#include <fmt/format.h>

#include "node/control.h"
#include "node/treasury.h"
#include "nostr/base/number.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::json::Value;

/// A payment may wait for the wallet, a look-up after it, and a zap for its receipt.
constexpr std::chrono::seconds kPatience{240};

/// "21", "21sat", "500msat": whole satoshi unless the unit says otherwise.
Result<Msat> parse_money(std::string_view text) {
  const auto strip = [&](std::string_view unit) {
    if (!text.ends_with(unit)) return false;
    text.remove_suffix(unit.size());
    return true;
  };
  const bool milli = strip("msat");
  if (!milli) strip("sat");
  const auto value = base::parse_number<std::int64_t>(
      text, 0, milli ? base::kMaxMsat.value : base::kMaxMsat.value / 1000);
  if (!value)
    return fail(Errc::kInvalid, fmt::format("\"{}\" is no amount", text),
                "21 or 21sat (satoshi), or 500msat");
  return milli ? Msat{*value} : base::to_msat(base::Sat{*value});
}

std::string money(std::int64_t msat) {
  return msat % 1000 == 0 ? fmt::format("{} sat", msat / 1000) : fmt::format("{} msat", msat);
}

base::Task<Result<Value>> ask_here(Runtime& runtime, Treasury& treasury, std::string method,
                                   Value params) {
  auto answer = method == "budget" ? treasury.budget(params)
                                   : co_await treasury.wallet(std::move(params));
  co_await treasury.stop();
  co_await runtime.pool.stop();
  co_return answer;
}

// ---- printing
// ----------------------------------------------------------------------------------------

/// What the end of a payment means for a script.
int code_of(const Value& payment) {
  const std::string state = base::json::string_or(payment, "state");
  if (state == "settled") return kOk;
  return state == "failed" ? kFailed : kTimeout;
}

void print_payment(const Value& payment) {
  std::string line = fmt::format("{:<8}  {}", base::json::string_or(payment, "state"),
                                 money(base::json::int_or(payment, "amount_msat")));
  if (const auto fee = base::json::int_or(payment, "fee_msat"); fee > 0)
    line += fmt::format(" + {} fee", money(fee));
  print_foreign(fmt::format("{}  {}  {}", line, base::json::string_or(payment, "counterparty"),
                            base::json::string_or(payment, "key")));
  for (const char* name : {"detail", "preimage", "receipt"})
    if (const std::string value = base::json::string_or(payment, name); !value.empty())
      print_foreign(fmt::format("  {}: {}", name, value));
}

void print_transaction(const Value& transaction) {
  print_foreign(fmt::format("{:<8}  {:<8}  {}  {}", base::json::string_or(transaction, "type"),
                            base::json::string_or(transaction, "state"),
                            money(base::json::int_or(transaction, "amount_msat")),
                            base::json::string_or(transaction, "description")));
}

void print_entry(const Context& context, const Value& entry) {
  if (context.json) return print_json(entry);
  if (entry.contains("key")) return print_payment(entry);
  print_transaction(entry);
}

// ---- wallet
// ------------------------------------------------------------------------------------------

int connect(const Context& context, const std::string& uri_file) {
  auto uri = read_input(uri_file, 8'192);
  if (!uri) return report(context, uri.error());
  const auto answer = ask_treasury(context, "wallet", {{"verb", "connect"}, {"uri", *uri}});
  base::wipe(*uri);
  if (!answer) return report_usage(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  print_foreign(fmt::format("connected  {}  {}", base::json::string_or(*answer, "alias", "a wallet"),
                            base::json::string_or(*answer, "network")));
  print_line("kept in    " + base::json::string_or(*answer, "file"));
  return kOk;
}

struct PayArguments {
  std::string destination, amount, comment, max_fee, key, key_file;
  std::vector<std::string> relays;
  bool over_limit = false;
};

Result<Value> pay_params(const PayArguments& arguments) {
  Value params = {{"verb", "pay"},
                  {"destination", arguments.destination},
                  {"comment", arguments.comment},
                  {"key", arguments.key},
                  {"over_limit", arguments.over_limit}};
  if (!arguments.amount.empty()) {
    TRY(const Msat amount, parse_money(arguments.amount));
    params["amount_msat"] = amount.value;
  }
  if (!arguments.max_fee.empty()) {
    TRY(const Msat fee, parse_money(arguments.max_fee));
    params["max_fee_msat"] = fee.value;
  }
  return params;
}

int finish_payment(const Context& context, const Result<Value>& answer) {
  if (!answer) return report_usage(context, answer.error());
  print_entry(context, *answer);
  const int code = code_of(*answer);
  if (code == kTimeout)
    progress(context, "it is not known yet whether it was paid: sovereign wallet lookup " +
                          base::json::string_or(*answer, "key"));
  return code;
}

int pay(const Context& context, const PayArguments& arguments) {
  const auto params = pay_params(arguments);
  if (!params) return report_usage(context, params.error());
  return finish_payment(context, ask_treasury(context, "wallet", *params));
}

int zap(const Context& context, const PayArguments& arguments) {
  const auto amount = parse_money(arguments.amount);
  if (!amount) return report_usage(context, amount.error());
  Value params = {{"verb", "zap"},
                  {"target", arguments.destination},
                  {"amount_msat", amount->value},
                  {"comment", arguments.comment},
                  {"relays", arguments.relays},
                  {"over_limit", arguments.over_limit}};
  if (!arguments.key_file.empty())
    params["key_file"] = std::filesystem::absolute(arguments.key_file).string();
  return finish_payment(context, ask_treasury(context, "wallet", params));
}

struct InvoiceArguments {
  std::string amount, description;
  std::int64_t expiry = 3'600;
};

int invoice(const Context& context, const InvoiceArguments& arguments) {
  const auto amount = parse_money(arguments.amount);
  if (!amount) return report_usage(context, amount.error());
  const auto made = ask_treasury(context, "wallet",
                                 {{"verb", "invoice"},
                                  {"amount_msat", amount->value},
                                  {"description", arguments.description},
                                  {"expiry", arguments.expiry}});
  if (!made) return report_usage(context, made.error());
  if (context.json)
    print_json(*made);
  else
    print_foreign(base::json::string_or(*made, "invoice"));
  return kOk;
}

int balance(const Context& context) {
  const auto answer = ask_treasury(context, "wallet", {{"verb", "balance"}});
  if (!answer) return report(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    print_line(money(base::json::int_or(*answer, "balance_msat")));
  return kOk;
}

int list(const Context& context, std::int64_t limit, bool of_wallet) {
  const auto answer = ask_treasury(context, "wallet",
                                   {{"verb", "list"}, {"limit", limit}, {"of_wallet", of_wallet}});
  if (!answer) return report(context, answer.error());
  for (const Value& entry : *answer) print_entry(context, entry);
  return kOk;
}

int look_up(const Context& context, const std::string& which) {
  const auto answer = ask_treasury(context, "wallet", {{"verb", "lookup"}, {"which", which}});
  if (!answer) return report(context, answer.error());
  print_entry(context, *answer);
  return answer->contains("key") ? code_of(*answer) : kOk;
}

// ---- budget
// ------------------------------------------------------------------------------------------

void print_limit(const Value& line) {
  const Value& msat = line.at("msat");
  std::string text = fmt::format("{:<28}  {:<14}", base::json::string_or(line, "limit"),
                                 msat.is_null() ? "no limit" : money(msat.get<std::int64_t>()));
  if (line.contains("spent_msat"))
    text += fmt::format("  spent {}, reserved {}", money(base::json::int_or(line, "spent_msat")),
                        money(base::json::int_or(line, "reserved_msat")));
  print_foreign(fmt::format("{}  ({})", text, base::json::string_or(line, "from")));
}

int print_budget(const Context& context, const Result<Value>& answer) {
  if (!answer) return report_usage(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  for (const Value& line : answer->at("limits")) print_limit(line);
  print_line(fmt::format("today: {} spent, {} reserved",
                         money(base::json::int_or(*answer, "spent_today_msat")),
                         money(base::json::int_or(*answer, "reserved_msat"))));
  for (const Value& payment : answer->at("open_payments")) print_payment(payment);
  return kOk;
}

int set_budget(const Context& context, const std::string& subject, const std::string& per,
               const std::string& amount) {
  Value params = {{"verb", "set"}, {"subject", subject}, {"per", per}};
  if (amount == "default") {
    params["default"] = true;
  } else if (amount != "none") {
    const auto limit = parse_money(amount);
    if (!limit) return report_usage(context, limit.error());
    params["msat"] = limit->value;
  }
  return print_budget(context, ask_treasury(context, "budget", params));
}

void add_payment_flags(CLI::App& command, PayArguments& arguments) {
  command.add_option("-m,--comment", arguments.comment, "A word for the payee");
  command.add_flag("--over-limit", arguments.over_limit,
                   "Pay this one even where a limit says no; it is counted all the same");
}

void add_pay(CLI::App& wallet, Context& context, Action* chosen) {
  auto arguments = std::make_shared<PayArguments>();
  auto* command = wallet.add_subcommand(
      "pay", "Pay an invoice, a lightning address or an lnurl, once");
  command->add_option("destination", arguments->destination, "lnbc…, name@domain or lnurl1…")
      ->required();
  command->add_option("amount", arguments->amount,
                      "21 (satoshi) or 500msat; an invoice has its own, which must be the same");
  command->add_option("--max-fee", arguments->max_fee,
                      "Reserve so much for the fee; default 1 %, at least 10 sat");
  command->add_option("--key", arguments->key,
                      "The name of this payment: the same name never pays twice");
  add_payment_flags(*command, *arguments);
  command->footer(
      "Exit codes: 0 paid, 1 not paid, 4 refused by a limit or by the wallet, 124 not known yet\n"
      "Examples:\n  sovereign wallet pay lnbc210n1p…\n"
      "  sovereign wallet pay bob@example.com 21 -m thanks --key invoice-17 --json");
  command->callback([=, &context] { *chosen = [=, &context] { return pay(context, *arguments); }; });
}

void add_zap(CLI::App& wallet, Context& context, Action* chosen) {
  auto arguments = std::make_shared<PayArguments>();
  auto* command = wallet.add_subcommand("zap", "Zap a person or an event, and check the receipt");
  command->add_option("target", arguments->destination, "npub or event id")->required();
  command->add_option("amount", arguments->amount, "21 (satoshi) or 500msat")->required();
  command->add_option("--relay", arguments->relays, "Where the receipt shall appear (repeat)")
      ->allow_extra_args(false);
  command->add_option("--key-file", arguments->key_file, "Who zaps; default the node");
  add_payment_flags(*command, *arguments);
  command->footer("Examples:\n  sovereign wallet zap npub1… 21 --relay wss://relay.example -m bravo");
  command->callback([=, &context] { *chosen = [=, &context] { return zap(context, *arguments); }; });
}

void add_invoice(CLI::App& wallet, Context& context, Action* chosen) {
  auto arguments = std::make_shared<InvoiceArguments>();
  auto* command = wallet.add_subcommand("invoice", "Ask the wallet for an invoice");
  command->add_option("amount", arguments->amount, "21 (satoshi) or 500msat")->required();
  command->add_option("-m,--description", arguments->description, "What it is for");
  command->add_option("--expiry", arguments->expiry, "Seconds until it may no longer be paid")
      ->check(CLI::Range(1, 31'536'000));
  command->footer("Examples:\n  sovereign wallet invoice 21 -m tea\n  sovereign wallet invoice 21 -m tea | sovereign qr -");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return invoice(context, *arguments); }; });
}

void add_questions(CLI::App& wallet, Context& context, Action* chosen) {
  auto* balance_command = wallet.add_subcommand("balance", "What the wallet holds");
  balance_command->callback([=, &context] { *chosen = [&context] { return balance(context); }; });

  auto limit = std::make_shared<std::int64_t>(20);
  auto of_wallet = std::make_shared<bool>(false);
  auto* list_command = wallet.add_subcommand("list", "Payments of this home, newest first");
  list_command->add_option("--limit", *limit, "At most so many")->check(CLI::Range(1, 500));
  list_command->add_flag("--wallet", *of_wallet, "What the wallet lists instead, incoming ones too");
  list_command->callback(
      [=, &context] { *chosen = [=, &context] { return list(context, *limit, *of_wallet); }; });

  auto which = std::make_shared<std::string>();
  auto* look_command = wallet.add_subcommand("lookup", "What became of a payment or an invoice");
  look_command->add_option("which", *which, "Key of a payment, payment hash or invoice")->required();
  look_command->callback(
      [=, &context] { *chosen = [=, &context] { return look_up(context, *which); }; });
}

void add_budget(CLI::App& app, Context& context, Action* chosen) {
  auto* budget = app.add_subcommand("budget", "Limits, what was spent, what is reserved");
  budget->footer(
      "Examples:\n  sovereign budget --home agent\n  sovereign budget set node day 5000\n"
      "  sovereign budget set counterparty:* hour 100\n  sovereign budget set agent:main tick default");
  budget->callback([=, &context] {
    if (!budget->get_subcommands().empty()) return;
    *chosen = [&context] {
      return print_budget(context, ask_treasury(context, "budget", {{"verb", "show"}}));
    };
  });
  struct Setting {
    std::string subject, per, amount;
  };
  auto setting = std::make_shared<Setting>();
  auto* set = budget->add_subcommand("set", "Set a limit, now");
  set->add_option("subject", setting->subject,
                  "node, agent:NAME, task:NAME, skill:NAME, counterparty:NAME; NAME * is everyone")
      ->required();
  set->add_option("per", setting->per, "tick, hour or day")->required();
  set->add_option("amount", setting->amount,
                  "21 (satoshi), 500msat, none (no limit) or default (the configuration's)")
      ->required();
  set->callback([=, &context] {
    *chosen = [=, &context] {
      return set_budget(context, setting->subject, setting->per, setting->amount);
    };
  });
}

}  // namespace

Result<Value> ask_treasury(const Context& context, const std::string& method, const Value& params) {
  const Home home = context.home();
  auto answer = control_call(home.control_socket(), method, params, kPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  TRY(const Config config, load_config(home));
  TRY(home.ensure());
  TRY(const auto db, storage::open_database(home.database().string()));
  Runtime runtime;
  Treasury treasury({runtime, *db, home, config});
  return runtime.loop.run_until_complete(ask_here(runtime, treasury, method, params));
}

void add_wallet_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* wallet = app.add_subcommand("wallet", "Pay and be paid through a wallet of yours (NIP-47)");
  wallet->require_subcommand(1);
  wallet->footer(
      "Examples:\n  sovereign wallet connect --uri-file connection.txt\n  sovereign wallet balance\n"
      "  sovereign wallet pay bob@example.com 21");
  auto uri_file = std::make_shared<std::string>("-");
  auto* connect_command = wallet->add_subcommand(
      "connect", "Keep a connection string (nostr+walletconnect://…), which is a secret");
  connect_command->add_option("--uri-file", *uri_file, "File with it; default standard input");
  connect_command->callback(
      [=, &context] { *chosen = [=, &context] { return connect(context, *uri_file); }; });
  add_pay(*wallet, context, chosen);
  add_zap(*wallet, context, chosen);
  add_invoice(*wallet, context, chosen);
  add_questions(*wallet, context, chosen);
  add_budget(app, context, chosen);
}

}  // namespace node::cli
