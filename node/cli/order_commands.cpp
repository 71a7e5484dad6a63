// order: what an operator tells an agent or a co-signer from afar, as a signed event that stands.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/cli/command.h"
#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/nips/nip19.h"
#include "orchestration/approvals/orders.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

struct OrderArguments {
  std::vector<std::string> words;
  std::string to;
  std::string key_file;
  std::vector<std::string> relays;
};

base::Task<Result<Value>> publish_order(Runtime& runtime, const OrderArguments& arguments,
                                        const nostr::SecretKey& key,
                                        orchestration::SignedOrder order) {
  const base::UnixTime now = runtime.clock.now();
  order.nonce = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                               std::chrono::system_clock::now().time_since_epoch())
                                               .count());
  const nostr::Event event =
      nostr::sign_event(orchestration::build_signed_order(order, now), key, runtime.rng);
  const auto outcomes = co_await runtime.pool.publish(arguments.relays, event);
  co_await runtime.pool.stop();
  std::string refusals;
  for (const nostr::PublishOutcome& outcome : outcomes) {
    if (outcome.state == nostr::PublishOutcome::State::kAccepted)
      co_return Value{{"id", event.id.hex()},
                      {"to", order.to.hex()},
                      {"order", orchestration::order_text(order.order)},
                      {"nonce", order.nonce}};
    refusals += fmt::format(" {}: {}", outcome.relay, outcome.message);
  }
  co_return fail(Errc::kUnavailable, "no relay took the order:" + refusals);
}

int send_order(const Context& context, const OrderArguments& arguments) {
  const std::string text = fmt::format("{}", fmt::join(arguments.words, " "));
  const auto order = orchestration::read_order(text);
  if (!order)
    return report_usage(context, {Errc::kInvalid, fmt::format("\"{}\" is no order", text),
                                  "pause, \"pause: WHY\", resume, \"stop all\", status, budget, "
                                  "grants, \"revoke N\" or list"});
  const auto to = nostr::parse_public_key(arguments.to);
  if (!to) return report_usage(context, base::in_context("--to", to.error()));
  const auto key = load_key_file(arguments.key_file);
  if (!key) return report(context, key.error());
  Runtime runtime;
  auto done = runtime.loop.run_until_complete(
      publish_order(runtime, arguments, *key, {.order = *order, .to = *to}));
  if (!done) return report(context, done.error());
  if (context.json)
    print_json(*done);
  else
    progress(context, "said; what came of it is answered by direct message");
  return kOk;
}

}  // namespace

void add_order_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<OrderArguments>();
  auto* order = app.add_subcommand(
      "order", "As an operator, tell a node or co-signer anywhere: pause, resume, status, …");
  order->add_option("words", arguments->words, "pause, \"pause: WHY\", resume, \"stop all\", status, "
                                               "budget, grants, \"revoke N\", list")
      ->required();
  order->add_option("--to", arguments->to, "Its service key, as it signs its questions: npub or hex")
      ->required();
  order->add_option("--key-file", arguments->key_file, "The operator's key")->required();
  order->add_option("--relay", arguments->relays, "Where it listens (repeat)")
      ->required()
      ->allow_extra_args(false);
  order->footer(
      "The same words work as a direct message from any client. A signed order stands on the relay\n"
      "for whoever is away; the latest one counts.\n"
      "Examples:\n"
      "  sovereign order pause --to $NPUB --key-file me.key --relay ws://127.0.0.1:7777\n"
      "  sovereign order 'pause: on holiday' --to $NPUB --key-file me.key --relay ws://127.0.0.1:7777");
  order->callback([=, &context] { *chosen = [=, &context] { return send_order(context, *arguments); }; });
}

}  // namespace node::cli
