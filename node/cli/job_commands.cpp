// job order, job offers: work bought from others (NIP-90), and who announces that they do it
// (NIP-89).
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/people.h"
#include "node/cli/seller.h"
#include "node/cli/terminal.h"
#include "node/cli/wallet_commands.h"
#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/base/number.h"
#include "nostr/base/utf8.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip89.h"
#include "nostr/signer/key_signer.h"
#include "orchestration/jobs/customer.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::json::Value;
using orchestration::JobOrder;
using orchestration::JobOutcome;

constexpr std::size_t kMaxMetadata = 16'384;  // bytes of what a provider says about itself
constexpr std::size_t kShownAbout = 120;      // characters of it in a line for people
constexpr std::uint64_t kMaxOffers = 500;     // of one relay: anybody can announce

struct OrderArguments {
  unsigned kind = 5050;
  std::vector<std::string> providers, params, relays;
  std::int64_t max_price = 0;
  std::string output, text, key_file;
  bool in_public = false;
  bool legacy = false;
  std::chrono::seconds timeout{60};
};

struct OffersArguments {
  unsigned kind = 0;  ///< 0: of any job
  std::vector<std::string> relays;
  std::chrono::seconds timeout{15};
};

/// Those named, else those of the home.
Result<std::vector<std::string>> relays_of(const Context& context,
                                           const std::vector<std::string>& named) {
  Config config;
  if (named.empty()) {
    TRY(config, load_config(context.home()));
  }
  return market_relays(config, named);
}

// ---- what is ordered
// ---------------------------------------------------------------------------------

Result<nostr::JobParam> read_param(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == text.npos)
    return fail(Errc::kInvalid, fmt::format("--param {}: expected NAME=VALUE", text),
                "for example model=large");
  return nostr::JobParam{text.substr(0, equals), {text.substr(equals + 1)}};
}

base::Task<Result<JobOrder>> read_job(Runtime& runtime, const Context& context,
                                      OrderArguments arguments) {
  if (arguments.text.empty() || !base::is_utf8(arguments.text))
    co_return fail(Errc::kInvalid, "an order is text, and not empty",
                   "say what is to be done, or - for standard input");
  JobOrder order{.kind = static_cast<nostr::Kind>(arguments.kind),
                 .inputs = {},
                 .params = {},
                 .output = arguments.output,
                 .max_price = Msat{arguments.max_price},
                 .legacy_encryption = arguments.legacy,
                 .patience = arguments.timeout,
                 .who = {}};
  order.inputs.push_back({.data = arguments.text});
  for (const std::string& text : arguments.params) {
    CO_TRY(nostr::JobParam param, read_param(text));
    order.params.push_back(std::move(param));
  }
  CO_TRY(order.relays, relays_of(context, arguments.relays));
  CO_TRY(order.providers, co_await find_people(runtime, context, arguments.providers));
  order.encrypted = !arguments.in_public && !order.providers.empty();
  if (order.encrypted && order.providers.size() > 1)
    co_return fail(Errc::kInvalid, "an order for several providers cannot be encrypted",
                   "--public, and everybody can read it; or name one provider");
  if (!order.encrypted)
    progress(context, arguments.in_public
                          ? "everybody can read this order and its result"
                          : "no provider is named: everybody can read this order and its result");
  co_return order;
}

/// Whose order it is: the home's node, unless another key is named. Without either, nobody's.
Result<nostr::SecretKey> customer_key(const Context& context, const std::string& named,
                                      base::Rng& rng) {
  if (!named.empty()) return load_key_file(named);
  const std::filesystem::path own = context.home().node_key_file();
  std::error_code error;
  if (std::filesystem::exists(own, error)) return load_key_file(own);
  progress(context, "ordered under a key made for this order alone");
  return nostr::SecretKey::generate(rng);
}

// ---- paying
// ------------------------------------------------------------------------------------------

/// Through the wallet and the limits of the home, whoever holds them; on a worker, since it blocks.
Result<Msat> pay_worker(const Context& context, const std::string& key,
                        const orchestration::Spender& who, const nostr::JobPrice& price) {
  auto answer = ask_treasury(context, "wallet",
                             {{"verb", "pay"},
                              {"destination", price.invoice},
                              {"amount_msat", price.amount.value},
                              {"key", key},
                              {"worker", who.counterparty}});
  if (!answer) {
    base::Error why = std::move(answer).error();
    if (why.hint.contains("--over-limit")) why.hint = "sovereign budget explains the limits";
    if (why.code == Errc::kTimeout)
      why.hint = "whether it was paid: sovereign wallet lookup " + key;
    return std::unexpected(std::move(why));
  }
  const std::string state = base::json::string_or(*answer, "state");
  if (state == "failed")
    return fail(Errc::kDenied, "the payment failed: " + base::json::string_or(*answer, "detail"));
  const Msat cost{base::json::int_or(*answer, "amount_msat") +
                  base::json::int_or(*answer, "fee_msat")};
  // Said at once: whoever interrupts what follows has still paid.
  progress(context,
           state == "settled"
               ? fmt::format("paid {} msat to {}", cost.value, who.counterparty)
               : "it is not known yet whether it was paid: sovereign wallet lookup " + key);
  return cost;
}

orchestration::JobPayer payer_of(Runtime& runtime, const Context& context) {
  return [&runtime, &context](std::string key, orchestration::Spender who, nostr::JobPrice price) {
    std::function<Result<Msat>()> pay = [&context, key = std::move(key), who = std::move(who),
                                         price = std::move(price)] {
      return pay_worker(context, key, who, price);
    };
    return base::offload(runtime.loop, runtime.workers, std::move(pay));
  };
}

// ---- ordering
// ----------------------------------------------------------------------------------------

/// How an order goes; in a frame that outlives it.
struct Course {
  base::Signal changed;
  std::optional<Result<JobOutcome>> outcome;
  bool cut_off = false;
};

base::Task<void> carry(orchestration::JobCustomer& customer, JobOrder order,
                       orchestration::JobCustomer::OnProgress told, Course& course) {
  course.outcome = co_await customer.order(std::move(order), std::move(told));
  course.changed.notify();
}

/// Waits for the end of the order, or for a signal, which takes it back.
base::Task<Result<JobOutcome>> see_through(Runtime& runtime, const Context& context, JobOrder order,
                                           const nostr::SecretKey& key) {
  orchestration::JobPayer payer;
  if (order.max_price.value > 0) payer = payer_of(runtime, context);
  orchestration::JobCustomer customer(runtime.pool, key, runtime.clock, runtime.rng,
                                      std::move(payer));
  Course course{.changed = base::Signal(runtime.loop), .outcome = std::nullopt};
  runtime.loop.on_signal([&course](int) {
    course.cut_off = true;
    course.changed.notify();
  });
  orchestration::JobCustomer::OnProgress told = [&context](const orchestration::JobProgress& news) {
    progress(context, fmt::format("{}: {}", nostr::encode_npub(news.worker),
                                  news.detail.empty() ? "works on it" : news.detail));
  };
  base::Scope scope(runtime.loop);
  scope.spawn("job order", carry(customer, std::move(order), std::move(told), course));
  while (!course.outcome && !course.cut_off)
    co_await course.changed.wait_for(std::chrono::hours{1});
  co_await scope.stop();
  co_await customer.settle();
  co_await customer.stop();
  if (!course.outcome)
    co_return fail(Errc::kCancelled, "interrupted; what was ordered was withdrawn");
  co_return *std::move(course.outcome);
}

void show_outcome(const Context& context, const JobOutcome& outcome) {
  if (!outcome.unpaid.empty())
    progress(context, "asks for money and was not paid: " + outcome.unpaid);
  if (context.json)
    return print_json({{"request", outcome.request.hex()},
                       {"worker", outcome.worker.hex()},
                       {"content", outcome.content},
                       {"paid_msat", outcome.paid.value},
                       {"unpaid", outcome.unpaid}});
  print_document(outcome.content.ends_with('\n') ? outcome.content : outcome.content + "\n");
}

base::Task<int> order_job(Runtime& runtime, const Context& context, OrderArguments arguments,
                          const nostr::SecretKey& key) {
  auto order = co_await read_job(runtime, context, std::move(arguments));
  if (!order) {
    co_await runtime.pool.stop();
    co_return report_usage(context, order.error());
  }
  auto outcome = co_await see_through(runtime, context, *std::move(order), key);
  co_await runtime.pool.stop();
  if (outcome) {
    show_outcome(context, *outcome);
    co_return kOk;
  }
  base::Error why = std::move(outcome).error();
  if (why.code == Errc::kLimit && why.hint.empty())
    why.hint = "--max-price MSAT pays up to so much";
  co_return report(context, why);
}

int order(const Context& context, OrderArguments arguments) {
  auto text = read_text(arguments.text);
  if (!text) return report(context, text.error());
  arguments.text = *std::move(text);
  Runtime runtime;
  const auto key = customer_key(context, arguments.key_file, runtime.rng);
  if (!key) return report(context, key.error());
  nostr::KeySigner door(key->clone(), runtime.clock, runtime.rng);
  runtime.pool.set_auth("", &door);
  return runtime.loop.run_until_complete(order_job(runtime, context, std::move(arguments), *key));
}

// ---- offers
// ------------------------------------------------------------------------------------------

/// The jobs an announcement is about; empty when about none that is asked for.
std::vector<nostr::Kind> jobs_of(const nostr::HandlerInfo& info, unsigned kind) {
  std::vector<nostr::Kind> out;
  for (const nostr::Kind handled : info.kinds)
    if (nostr::is_job_request(handled) && (kind == 0 || handled == kind)) out.push_back(handled);
  return out;
}

Value offer_view(const nostr::Event& event, const nostr::HandlerInfo& info,
                 std::vector<nostr::Kind> jobs) {
  const auto about = base::json::parse(info.metadata, {.max_bytes = kMaxMetadata});
  const Value words = about && about->is_object() ? *about : Value::object();
  Value out = {{"provider", event.pubkey.hex()},
               {"npub", nostr::encode_npub(event.pubkey)},
               {"kinds", std::move(jobs)},
               {"name", base::json::string_or(words, "name")},
               {"about", base::json::string_or(words, "about")},
               {"encrypted", nostr::tag_value(info.tags, "encrypted").has_value()},
               {"created_at", base::to_unix(event.created_at)}};
  if (const auto amount = nostr::tag_value(info.tags, "amount"))
    if (const auto price = base::parse_number<std::int64_t>(*amount, 0, base::kMaxMsat.value))
      out["price_msat"] = *price;
  return out;
}

void print_offer(const Context& context, const Value& offer) {
  if (context.json) return print_json(offer);
  const auto price = offer.find("price_msat");
  const std::string asked = price == offer.end() ? "price unknown"
                            : price->get<std::int64_t>() == 0
                                ? "free"
                                : fmt::format("{} msat", price->get<std::int64_t>());
  print_foreign(cut_to_columns(
      fmt::format("{}  {}  {}  {}  {}", base::json::string_or(offer, "npub"),
                  fmt::join(offer.at("kinds").get<std::vector<nostr::Kind>>(), ","), asked,
                  base::json::string_or(offer, "name"), base::json::string_or(offer, "about")),
      kShownAbout + 80));
}

base::Task<int> list_offers(Runtime& runtime, const Context& context, OffersArguments arguments) {
  nostr::Filter filter{.kinds = {nostr::kinds::kHandlerInfo}, .limit = kMaxOffers};
  if (arguments.kind != 0) filter.tags['k'] = {std::to_string(arguments.kind)};
  nostr::Filters filters{std::move(filter)};
  const nostr::FetchResult found =
      co_await runtime.pool.fetch(arguments.relays, std::move(filters), arguments.timeout);
  co_await runtime.pool.stop();
  std::set<std::pair<nostr::PublicKey, std::string>> told;  // newest first: older versions follow
  for (const nostr::EventPtr& event : found.events) {
    const auto info = nostr::parse_handler_info(*event);
    if (!info || !told.emplace(event->pubkey, info->d).second) continue;
    if (auto jobs = jobs_of(*info, arguments.kind); !jobs.empty())
      print_offer(context, offer_view(*event, *info, std::move(jobs)));
  }
  for (const auto& [relay, why] : found.failed)
    progress(context, fmt::format("{}: {}", relay, why));
  if (found.failed.empty()) co_return kOk;
  co_return found.complete.empty() ? kFailed : kPartial;
}

int offers(const Context& context, OffersArguments arguments) {
  auto relays = relays_of(context, arguments.relays);
  if (!relays) return report_usage(context, relays.error());
  arguments.relays = *std::move(relays);
  Runtime runtime;
  return runtime.loop.run_until_complete(list_offers(runtime, context, std::move(arguments)));
}

// ---- flags
// -------------------------------------------------------------------------------------------

CLI::Option* add_relays(CLI::App& command, std::vector<std::string>& relays) {
  return command
      .add_option("--relay", relays, "Where jobs are asked for (repeat); default node.relays")
      ->allow_extra_args(false);
}

void add_order(CLI::App& job, Context& context, Action* chosen) {
  auto arguments = std::make_shared<OrderArguments>();
  auto* command =
      job.add_subcommand("order", "Have a job done by somebody else, and print the result");
  command
      ->add_option("text", arguments->text,
                   "What to work on; @FILE reads a file, - stdin, @@ begins a text with @")
      ->required();
  command
      ->add_option("--kind", arguments->kind,
                   "Which job: 5050 makes text from text; see job offers")
      ->check(CLI::Range(nostr::kinds::kJobRequestFirst, nostr::kinds::kJobRequestLast));
  command
      ->add_option(
          "--provider", arguments->providers,
          "Who may do it (repeat): npub, hex or bob@example.com; default whoever answers first")
      ->allow_extra_args(false);
  command
      ->add_option("--max-price", arguments->max_price, "Pay so many msat at most; default nothing")
      ->check(CLI::Range(std::int64_t{0}, base::kMaxMsat.value));
  command->add_option("--param", arguments->params, "NAME=VALUE the job knows (repeat)")
      ->allow_extra_args(false);
  command->add_option("--output", arguments->output, "MIME type wished for");
  command->add_flag("--public", arguments->in_public,
                    "Do not encrypt it to the provider: everybody can read it");
  command->add_flag("--legacy", arguments->legacy,
                    "Encrypt by NIP-04, for a provider that reads nothing else");
  command->add_option("--key-file", arguments->key_file,
                      "Who orders; default the node, and without one a key for this order alone");
  add_relays(*command, arguments->relays);
  add_duration(*command, "--timeout", arguments->timeout,
               "How long to wait for the result; then it is withdrawn");
  command->footer(
      "It is paid from the wallet and the budget of the home, once, whoever asks again.\n"
      "Exit codes: 0 done, 1 not done or too dear, 4 the worker refuses or a limit does, 124 "
      "nobody delivered in\n"
      "time, 130 interrupted; whatever was not done is withdrawn.\n"
      "Examples:\n"
      "  sovereign job order 'Say good morning in French' --provider $NPUB --relay "
      "ws://127.0.0.1:7777\n"
      "  sovereign job order - --kind 5001 --max-price 5000 --param lang=en --public --relay "
      "ws://127.0.0.1:7777 < events.jsonl");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return order(context, *arguments); }; });
}

}  // namespace

void add_job_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* job = app.add_subcommand("job", "Buy work from others (NIP-90)");
  job->require_subcommand(1);
  add_order(*job, context, chosen);
  auto arguments = std::make_shared<OffersArguments>();
  auto* command =
      job->add_subcommand("offers", "Who announces that they do jobs, and for how much");
  command->add_option("--kind", arguments->kind, "Only this job, such as 5050; default any")
      ->check(CLI::Range(nostr::kinds::kJobRequestFirst, nostr::kinds::kJobRequestLast));
  add_relays(*command, arguments->relays);
  add_duration(*command, "--timeout", arguments->timeout, "How long to wait for each relay");
  command->footer(
      "What is listed is what strangers say of themselves.\n"
      "Examples:\n  sovereign job offers --kind 5050 --relay ws://127.0.0.1:7777");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return offers(context, *arguments); }; });
}

}  // namespace node::cli
