// Verbs of the wallet and the budget; each is a question to the wallet, a row, or both.
#include "node/treasury.h"

#include <algorithm>

#include <fmt/format.h>

#include "node/key_file.h"
#include "node/tick_budget.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"
#include "nostr/signer/key_signer.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::Task;
using base::json::Value;
using orchestration::Cashier;
using orchestration::expect_outcome;
using storage::Dimension;
using storage::PaymentRow;
using storage::PaymentState;
using storage::Per;

/// The connection string, a secret like any key.
std::filesystem::path wallet_file(const Home& home) {
  return home.config_dir / "wallet.uri";
}

constexpr std::int64_t kMaxListed = 500;
constexpr std::chrono::milliseconds kReceiptPatience{15'000};

Result<Msat> amount_of(const Value& params, const char* key) {
  const std::int64_t value = base::json::int_or(params, key);
  if (value <= 0 || Msat{value} > base::kMaxMsat)
    return fail(Errc::kInvalid, "an amount is needed", "for example 21 (satoshi) or 500msat");
  return Msat{value};
}

std::optional<Msat> optional_msat(const Value& params, const char* key) {
  const auto found = params.find(key);
  if (found == params.end() || !found->is_number_integer()) return std::nullopt;
  return Msat{found->get<std::int64_t>()};
}

Value transaction_view(const nostr::Transaction& transaction) {
  Value out = {
      {"type", transaction.type == nostr::TransactionType::kIncoming ? "incoming" : "outgoing"},
      {"state", transaction.state},
      {"amount_msat", transaction.amount.value},
      {"fee_msat", transaction.fees_paid.value},
      {"description", transaction.description},
      {"created_at", base::to_unix(transaction.created_at)}};
  if (!transaction.invoice.empty()) out["invoice"] = transaction.invoice;
  if (transaction.payment_hash) out["payment_hash"] = transaction.payment_hash->hex();
  if (transaction.preimage) out["preimage"] = transaction.preimage->hex();
  if (transaction.expires_at) out["expires_at"] = base::to_unix(*transaction.expires_at);
  if (transaction.settled_at) out["settled_at"] = base::to_unix(*transaction.settled_at);
  return out;
}

/// "node", "agent:main": a dimension and, where it has them, a name.
Result<std::pair<Dimension, std::string>> parse_subject(const std::string& text) {
  const auto colon = text.find(':');
  const std::string word = text.substr(0, colon);
  const auto dimension = storage::enum_from<Dimension>(word);
  if (!dimension)
    return fail(Errc::kInvalid, fmt::format("\"{}\" has no limits", word),
                "node, agent:NAME, task:NAME, skill:NAME or counterparty:NAME; NAME * is everyone");
  std::string name = colon == text.npos ? "" : text.substr(colon + 1);
  if ((*dimension == Dimension::kNode) != name.empty())
    return fail(Errc::kInvalid,
                *dimension == Dimension::kNode ? "the node has no name here"
                                               : fmt::format("{} needs a name", word),
                "for example node, or agent:main, or counterparty:*");
  return std::pair{*dimension, std::move(name)};
}

Value line_view(const orchestration::LimitLine& line) {
  Value out = {{"limit", orchestration::limit_name(line.dimension, line.name, line.per)},
               {"msat", line.limit ? Value(line.limit->value) : Value()},
               {"from", line.by_operator ? "operator" : "configuration"}};
  if (line.totals) {
    out["spent_msat"] = line.totals->spent.value;
    out["reserved_msat"] = line.totals->reserved.value;
    if (line.limit)
      out["left_msat"] = std::max<std::int64_t>(
          0, line.limit->value - line.totals->spent.value - line.totals->reserved.value);
  }
  return out;
}

}  // namespace

std::vector<storage::SpendLimit> configured_limits(const Config& config) {
  return {{Dimension::kNode, "", Per::kTick, config.budget.per_tick, {}},
          {Dimension::kNode, "", Per::kDay, config.budget.per_day, {}}};
}

Value payment_view(const PaymentRow& row) {
  Value out = {{"key", row.key},
               {"state", storage::name_of(row.state)},
               {"purpose", row.purpose},
               {"counterparty", row.counterparty},
               {"amount_msat", row.amount.value},
               {"fee_msat", row.fee.value},
               {"payment_hash", row.payment_hash.hex()},
               {"created_at", base::to_unix(row.created)}};
  if (row.preimage) out["preimage"] = row.preimage->hex();
  for (const auto& [name, value] : {std::pair{"detail", row.detail}, std::pair{"agent", row.agent},
                                    std::pair{"tick", row.tick}})
    if (!value.empty()) out[name] = value;
  if (row.state == PaymentState::kReserved || row.state == PaymentState::kSent ||
      row.state == PaymentState::kUnknown)
    out["reserved_msat"] = row.worst().value;
  return out;
}

Treasury::Treasury(Deps deps, orchestration::LnurlOptions lnurl)
    : deps_(deps),
      limits_(deps.db, configured_limits(deps.config), claimed_budgets(deps.db)),
      lnurl_(deps.runtime.loop, lnurl),
      zapper_(deps.runtime.pool, lnurl_, deps.runtime.clock),
      scope_(std::make_unique<base::Scope>(deps.runtime.loop)) {}

Treasury::~Treasury() = default;

void Treasury::start() {
  started_ = true;
  if (auto loaded = load(); !loaded && loaded.error().code != Errc::kNotFound)
    LOG(kError, "money", "the wallet cannot be used", {{"detail", loaded.error().detail}});
}

Task<void> Treasury::stop() {
  co_await scope_->stop();
}

Result<void> Treasury::load() {
  if (cashier_) return {};
  std::error_code error;
  if (!std::filesystem::exists(wallet_file(deps_.home), error))
    return fail(Errc::kNotFound, "this home has no wallet", "sovereign wallet connect < URIFILE");
  TRY(std::string text, read_secret_file(wallet_file(deps_.home)));
  text.erase(std::min(text.find_last_not_of(" \r\n\t") + 1, text.size()));
  auto uri = nostr::parse_wallet_uri(text);
  base::wipe(text);
  if (!uri) return std::unexpected(std::move(uri).error());
  return use(*std::move(uri));
}

Result<void> Treasury::use(nostr::WalletUri uri) {
  client_ = std::make_unique<orchestration::WalletClient>(
      deps_.runtime.pool, deps_.runtime.clock, deps_.runtime.rng, std::move(uri),
      orchestration::WalletClientOptions{}, [this](const nostr::WalletNotification& notice) {
        if (cashier_) cashier_->hear(notice);
      });
  cashier_ = std::make_unique<Cashier>(
      Cashier::Deps{deps_.runtime.loop, deps_.db, deps_.runtime.clock, *client_, deps_.tell},
      orchestration::LimitBook(deps_.db, configured_limits(deps_.config), claimed_budgets(deps_.db)));
  if (started_) scope_->spawn("payments", cashier_->keep_sweeping());
  return {};
}

Result<Cashier*> Treasury::cashier() {
  TRY(load());
  return cashier_.get();
}

Result<orchestration::WalletClient*> Treasury::wallet_client() {
  TRY(load());
  return client_.get();
}

Result<std::vector<std::string>> Treasury::breaches(const orchestration::Spender& who, Msat amount,
                                                    std::optional<Msat> max_fee) {
  const Msat worst = amount + max_fee.value_or(orchestration::fee_allowance(amount));
  TRY(const auto scopes, limits_.scopes(who));
  TRY(const auto found,
      storage::Budgets(deps_.db).breaches(scopes, worst, deps_.runtime.clock.now()));
  std::vector<std::string> out;
  for (const storage::Breach& breach : found) out.push_back(storage::describe(breach, worst));
  return out;
}

Task<Result<PaymentRow>> Treasury::open(PaymentWish wish) {
  CO_TRY(Cashier* const spender, cashier());
  CO_TRY(auto standing, spender->find(wish.key));
  if (standing && standing->amount != wish.amount)
    co_return fail(Errc::kConflict,
                   fmt::format("payment {} is one of {} msat", wish.key, standing->amount.value));
  if (standing) co_return *std::move(standing);
  std::string invoice = wish.destination;
  orchestration::InvoiceTerms terms{.amount = wish.amount};
  if (orchestration::Lnurl::reads(wish.destination)) {
    CO_TRY(orchestration::Payee payee, co_await lnurl_.find(wish.destination));
    wish.who.counterparty = payee.name;
    terms.description_hash = nostr::sha256(payee.terms.metadata);
    CO_TRY(invoice, co_await lnurl_.invoice(std::move(payee), wish.amount, wish.comment,
                                            deps_.runtime.clock.now()));
  }
  co_return spender->open({.key = std::move(wish.key),
                           .purpose = std::move(wish.purpose),
                           .who = std::move(wish.who),
                           .invoice = std::move(invoice),
                           .terms = terms,
                           .max_fee = wish.max_fee});
}

// ---- wallet verbs
// ------------------------------------------------------------------------------------

Task<Result<Value>> Treasury::wallet(Value params) {
  const std::string verb = base::json::string_or(params, "verb");
  if (verb == "connect") co_return co_await connect(std::move(params));
  CO_TRY(load());
  if (verb == "pay") co_return co_await pay(std::move(params));
  if (verb == "zap") co_return co_await zap(std::move(params));
  if (verb == "invoice") co_return co_await make_invoice(std::move(params));
  if (verb == "balance") co_return co_await balance();
  if (verb == "list") co_return co_await list(std::move(params));
  if (verb == "lookup") co_return co_await look_up(std::move(params));
  co_return fail(Errc::kUnsupported, fmt::format("a wallet has no verb \"{}\"", verb));
}

/// What the present wallet was told it alone can answer for.
Result<void> Treasury::refuse_while_under_way() {
  TRY(const auto open, storage::Payments(deps_.db).list_open());
  for (const PaymentRow& row : open)
    if (row.state != PaymentState::kIntent)
      return fail(Errc::kConflict,
                  fmt::format("payment {} with the present wallet is {}", row.key,
                              storage::name_of(row.state)),
                  "look it up first: sovereign wallet lookup KEY");
  return {};
}

Task<Result<Value>> Treasury::connect(Value params) {
  CO_TRY(std::string text, base::json::get_string(params, "uri"));
  text.erase(std::min(text.find_last_not_of(" \r\n\t") + 1, text.size()));
  auto parsed = nostr::parse_wallet_uri(text);
  base::wipe(text);
  if (!parsed) co_return std::unexpected(std::move(parsed).error());
  CO_TRY(refuse_while_under_way());
  std::string kept = nostr::build_wallet_uri(*parsed);
  orchestration::WalletClient client(deps_.runtime.pool, deps_.runtime.clock, deps_.runtime.rng,
                                     *std::move(parsed));
  CO_TRY(const nostr::WalletService service, co_await client.service());
  const auto info = expect_outcome<nostr::WalletInfo>(co_await client.ask(nostr::GetInfo{}));
  if (!info && info.error().code != Errc::kUnsupported) co_return std::unexpected(info.error());
  CO_TRY(refuse_while_under_way());  // it took a while
  CO_TRY(deps_.home.ensure());
  CO_TRY(write_file(wallet_file(deps_.home), kept + "\n", 0600));
  base::wipe(kept);
  if (cashier_) retired_.emplace_back(std::move(client_), std::move(cashier_));
  co_await scope_->stop();
  scope_ = std::make_unique<base::Scope>(deps_.runtime.loop);
  CO_TRY(load());
  Value out = {{"wallet", client_->wallet().hex()},
               {"relays", client_->relays()},
               {"methods", service.methods},
               {"file", wallet_file(deps_.home).string()}};
  if (info) {
    out["alias"] = info->alias;
    out["network"] = info->network;
  }
  co_return out;
}

/// A second order that looks like one whose end is not known is more likely a repetition than a wish.
Result<void> Treasury::refuse_doubles(const PaymentWish& wish) {
  TRY(const auto open, storage::Payments(deps_.db).list_open());
  for (const PaymentRow& row : open)
    if (row.state != PaymentState::kIntent && row.amount == wish.amount &&
        row.counterparty == wish.destination)
      return fail(Errc::kConflict,
                  fmt::format("a payment of this amount to {} is not decided yet: {}",
                              wish.destination, row.key),
                  "sovereign wallet lookup KEY; or give this one its own --key");
  return {};
}

Task<Result<Value>> Treasury::pay(Value params) {
  PaymentWish wish{.key = base::json::string_or(params, "key"),
                   .purpose = "invoice",
                   .comment = base::json::string_or(params, "comment"),
                   .max_fee = optional_msat(params, "max_fee_msat")};
  CO_TRY(wish.destination, base::json::get_string(params, "destination"));
  const bool named = !wish.key.empty();
  if (std::string worker = base::json::string_or(params, "worker"); !worker.empty()) {
    // Asked for by a stranger: an invoice that can be held to its terms, never a place to look up.
    if (const auto invoice = nostr::parse_invoice(wish.destination); !invoice)
      co_return std::unexpected(base::in_context("the worker's invoice", invoice.error()));
    wish.purpose = "job";
    wish.who.counterparty = std::move(worker);
  }
  if (const auto invoice = nostr::parse_invoice(wish.destination)) {
    wish.amount = invoice->amount.value_or(Msat{});
    if (const auto stated = optional_msat(params, "amount_msat")) wish.amount = *stated;
    if (!named) wish.key = "cli:" + invoice->payment_hash.hex();
  } else if (orchestration::Lnurl::reads(wish.destination)) {
    CO_TRY(wish.amount, amount_of(params, "amount_msat"));
    if (!named) {
      CO_TRY(refuse_doubles(wish));
      wish.key = "cli:" + deps_.runtime.rng.hex(16);
    }
  } else {
    co_return fail(Errc::kInvalid, "that is no invoice, no lightning address and no lnurl",
                   "lnbc…, name@domain or lnurl1…");
  }
  CO_TRY(PaymentRow row, co_await open(std::move(wish)));
  const bool over_limit = params.value("over_limit", false);
  co_return co_await finish(std::move(row), over_limit);
}

Task<Result<Value>> Treasury::finish(PaymentRow row, bool over_limit) {
  using orchestration::Limits;
  const std::string key = row.key;
  auto done = co_await cashier_->pay(key, over_limit ? Limits::kLifted : Limits::kHold);
  if (done) co_return payment_view(*done);
  if (done.error().code != Errc::kLimit) co_return std::unexpected(std::move(done).error());
  co_return fail(Errc::kDenied, done.error().detail,
                 "sovereign budget explains the limits; --over-limit pays this one all the same");
}

Task<Result<Value>> Treasury::zap(Value params) {
  CO_TRY(const std::string target, base::json::get_string(params, "target"));
  CO_TRY(const Msat amount, amount_of(params, "amount_msat"));
  orchestration::ZapWish wish{.amount = amount,
                              .comment = base::json::string_or(params, "comment"),
                              .relays = deps_.config.node.relays};
  if (const auto relays = params.find("relays"); relays != params.end() && relays->is_array())
    for (const Value& relay : *relays)
      if (relay.is_string()) wish.relays.push_back(relay.get<std::string>());
  if (wish.relays.empty())
    co_return fail(Errc::kInvalid, "a zap needs a relay", "--relay URL, or node.relays");
  if (const auto key = nostr::parse_public_key(target)) {
    wish.to = *key;
  } else {
    CO_TRY(const nostr::EventId id, nostr::parse_event_id(target));
    nostr::Filters filters{{.ids = {id}}};
    const nostr::FetchResult found = co_await deps_.runtime.pool.fetch(
        wish.relays, std::move(filters), std::chrono::seconds{8});
    if (found.events.empty()) co_return fail(Errc::kNotFound, "no relay has that event");
    wish.to = found.events.front()->pubkey;
    wish.event = id;
    wish.kind = found.events.front()->kind;
  }
  CO_TRY(nostr::SecretKey key, load_key_file(base::json::string_or(
                                   params, "key_file", deps_.home.node_key_file().string())));
  nostr::KeySigner signer(std::move(key), deps_.runtime.clock, deps_.runtime.rng);
  CO_TRY(orchestration::ZapOffer offer, co_await zapper_.offer(std::move(wish), signer));
  CO_TRY(PaymentRow row,
         cashier_->open({.key = "zap:" + offer.request.id.hex(),
                         .purpose = "zap",
                         .who = {.counterparty = offer.address},
                         .invoice = offer.invoice,
                         .terms = {.amount = amount}}));
  CO_TRY(Value out, co_await finish(std::move(row), params.value("over_limit", false)));
  out["request"] = offer.request.id.hex();
  if (base::json::string_or(out, "state") != "settled") co_return out;
  const auto receipt = co_await zapper_.receipt(std::move(offer), kReceiptPatience);
  out["receipt"] = receipt ? "verified" : receipt.error().detail;
  co_return out;
}

Task<Result<Value>> Treasury::make_invoice(Value params) {
  CO_TRY(const Msat amount, amount_of(params, "amount_msat"));
  nostr::MakeInvoice wish{.amount = amount,
                          .description = base::json::string_or(params, "description")};
  if (const auto expiry = base::json::int_or(params, "expiry"); expiry > 0) wish.expiry = expiry;
  CO_TRY(const nostr::Transaction made,
         expect_outcome<nostr::Transaction>(co_await client_->ask(std::move(wish))));
  // The payer will be held to it, so it is checked before it is shown.
  CO_TRY(orchestration::check_invoice(made.invoice, {.amount = amount}, deps_.runtime.clock.now()));
  co_return transaction_view(made);
}

Task<Result<Value>> Treasury::balance() {
  CO_TRY(const nostr::Balance balance,
         expect_outcome<nostr::Balance>(co_await client_->ask(nostr::GetBalance{})));
  co_return Value{{"balance_msat", balance.balance.value}};
}

Task<Result<Value>> Treasury::list(Value params) {
  const std::int64_t limit = std::clamp<std::int64_t>(base::json::int_or(params, "limit", 20), 1,
                                                      kMaxListed);
  Value out = Value::array();
  if (params.value("of_wallet", false)) {
    CO_TRY(const nostr::TransactionList list,
           expect_outcome<nostr::TransactionList>(
               co_await client_->ask(nostr::ListTransactions{.limit = limit})));
    for (const nostr::Transaction& transaction : list.transactions)
      out.push_back(transaction_view(transaction));
    co_return out;
  }
  CO_TRY(const auto rows, cashier_->list(limit));
  for (const PaymentRow& row : rows) out.push_back(payment_view(row));
  co_return out;
}

Task<Result<Value>> Treasury::look_up(Value params) {
  CO_TRY(const std::string which, base::json::get_string(params, "which"));
  nostr::LookupInvoice question{.payment_hash = std::nullopt, .invoice = ""};
  if (const auto invoice = nostr::parse_invoice(which)) {
    question = {.payment_hash = invoice->payment_hash, .invoice = which};
  } else if (const auto hash = nostr::Sha256::from_hex(which)) {
    question.payment_hash = *hash;
  }
  CO_TRY(auto row, cashier_->find(which));
  if (!row && question.payment_hash) {
    CO_TRY(row, storage::Payments(deps_.db).by_hash(*question.payment_hash));
  }
  if (row) {
    std::string key = row->key;
    CO_TRY(const PaymentRow now, co_await cashier_->look_up(std::move(key)));
    co_return payment_view(now);
  }
  if (!question.payment_hash)
    co_return fail(Errc::kNotFound, "no payment has that key", "sovereign wallet list");
  CO_TRY(const nostr::Transaction found,
         expect_outcome<nostr::Transaction>(co_await client_->ask(std::move(question))));
  co_return transaction_view(found);
}

// ---- budget verbs
// ------------------------------------------------------------------------------------

Result<Value> Treasury::budget(const Value& params) {
  const std::string verb = base::json::string_or(params, "verb", "show");
  const base::UnixTime now = deps_.runtime.clock.now();
  if (verb == "set") {
    TRY(const std::string subject_text, base::json::get_string(params, "subject"));
    TRY(const auto subject, parse_subject(subject_text));
    TRY(const std::string per_text, base::json::get_string(params, "per"));
    const auto per = storage::enum_from<Per>(per_text);
    if (!per) return fail(Errc::kInvalid, fmt::format("\"{}\" is no window", per_text), "tick, hour or day");
    storage::SpendLimits limits(deps_.db);
    if (params.value("default", false)) {
      TRY(limits.erase(subject.first, subject.second, *per));
    } else {
      TRY(limits.set({subject.first, subject.second, *per, optional_msat(params, "msat"), now}));
    }
  } else if (verb != "show") {
    return fail(Errc::kUnsupported, fmt::format("a budget has no verb \"{}\"", verb));
  }
  Value limits = Value::array();
  TRY(const auto lines, limits_.lines(now));
  for (const orchestration::LimitLine& line : lines) limits.push_back(line_view(line));
  Value open = Value::array();
  TRY(const auto rows, storage::Payments(deps_.db).list_open());
  for (const PaymentRow& row : rows) open.push_back(payment_view(row));
  TRY(const auto day, storage::Budgets(deps_.db)
                          .totals({.key = "node", .window = storage::Window::kDay}, now));
  return Value{{"limits", std::move(limits)},
               {"open_payments", std::move(open)},
               {"spent_today_msat", day.spent.value},
               {"reserved_msat", day.reserved.value}};
}

}  // namespace node
