// relay: the embedded relay as a program, which misbehaves on request.
#include <charconv>
#include <csignal>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "nostr/base/clock.h"
#include "nostr/base/loop.h"
#include "nostr/base/rng.h"
#include "nostr/nips/nip65.h"
#include "nostr/server/fault_file.h"
#include "nostr/server/relay.h"
#include "storage/events.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;

struct RelayArguments {
  std::string listen = "127.0.0.1:7777";
  std::string database = ":memory:";
  std::string faults;
  std::string url;
  bool eose_hints = false;
  std::optional<std::size_t> max_subscriptions;
  std::optional<std::size_t> max_filters;
  std::optional<std::size_t> max_results;
  std::optional<std::size_t> max_message_bytes;
};

constexpr const char* kExamples = R"(Examples:
  sovereign relay
  sovereign relay --listen 127.0.0.1:0 --db relay.db --json
  sovereign relay --max-subs 20 --max-results 500 --max-message 131072
  sovereign relay --faults faults.toml

faults.toml, here an EOSE that never comes and a relay that restarts:
  [[rule]]
  fault = "drop"
  verb = "EOSE"
  every = 2

  [[rule]]
  fault = "restart"
  verb = "CONNECT"
  nth = 3
  wait_ms = 500

nostr/server/README.md describes every fault and limit.)";

/// "address:port"; port 0 picks a free one.
Result<nostr::WsServerOptions> parse_listen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  unsigned port = 0;
  const char* end = text.data() + text.size();
  if (colon == std::string::npos || colon == 0 ||
      std::from_chars(text.data() + colon + 1, end, port).ptr != end || port > 65'535)
    return base::fail(Errc::kInvalid, fmt::format("--listen {}: expected address:port", text),
                      "127.0.0.1:7777");
  return nostr::WsServerOptions{.address = text.substr(0, colon),
                                .port = static_cast<std::uint16_t>(port)};
}

/// The file's word, then the flags'.
Result<nostr::RelayOptions> parse_options(const RelayArguments& arguments) {
  nostr::RelayOptions out;
  TRY(out.server, parse_listen(arguments.listen));
  if (!arguments.url.empty() && !nostr::is_relay_url(arguments.url))
    return base::fail(Errc::kInvalid, "--url is no ws:// or wss:// URL", "wss://relay.example");
  out.public_url = arguments.url;
  if (!arguments.faults.empty()) TRY(nostr::load_fault_file(arguments.faults, out));
  const auto set = [](std::size_t& value, const std::optional<std::size_t>& flag) {
    if (flag) value = *flag;
  };
  out.rules.eose_hints = arguments.eose_hints;
  set(out.rules.max_subscriptions, arguments.max_subscriptions);
  set(out.rules.max_filters, arguments.max_filters);
  set(out.rules.max_results, arguments.max_results);
  set(out.rules.max_message_bytes, arguments.max_message_bytes);
  return out;
}

int serve(const Context& context, const RelayArguments& arguments) {
  auto options = parse_options(arguments);
  if (!options) {
    report(context, options.error());
    return kUsage;
  }
  // A relay is its database: far more than an agent reads and writes passes through the cache.
  auto db = storage::open_database(arguments.database, {.cache_kib = 64 << 10, .checkpoint_pages = 16'000});
  if (!db) return report(context, db.error());
  storage::EventDb events(**db);
  base::SystemClock clock;
  base::SystemRng rng;
  base::Loop loop;
  nostr::NetThread net;
  auto relay = nostr::Relay::start(loop, net, events, clock, rng, *std::move(options));
  if (!relay) return report(context, relay.error());
  // Before anybody is told: who waits for the line may stop us right after it.
  int signal = 0;
  loop.on_signal([&](int number) {
    signal = number;
    loop.stop();
  });
  if (context.json)
    print_json({{"listening", (*relay)->url()}});
  else
    print_line("listening " + (*relay)->url());
  loop.run();
  relay->reset();
  return signal == SIGINT ? kInterrupted : kOk;
}

}  // namespace

void add_relay_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<RelayArguments>();
  auto* relay =
      app.add_subcommand("relay", "Run the embedded relay, for development, tests and demos");
  relay->add_option("--listen", arguments->listen, "address:port; port 0 picks a free one");
  relay->add_option("--db", arguments->database, "Database file, or :memory:");
  relay->add_option("--faults", arguments->faults, "TOML file of limits and faults to misbehave by");
  relay->add_option("--url", arguments->url, "The relay's name to clients, where a proxy stands before it");
  relay->add_flag("--eose-hints", arguments->eose_hints,
                  "Say behind EOSE whether there is more (NIP-67); some clients take such an EOSE for none");
  relay->add_option("--max-subs", arguments->max_subscriptions, "Subscriptions per connection")
      ->check(CLI::Range(1, 100'000));
  relay->add_option("--max-filters", arguments->max_filters, "Filters per REQ")
      ->check(CLI::Range(1, 64));
  relay->add_option("--max-results", arguments->max_results, "Stored events per filter")
      ->check(CLI::Range(1, 10'000'000));
  relay->add_option("--max-message", arguments->max_message_bytes, "Bytes of one message")
      ->check(CLI::Range(1'024, 1 << 20));
  relay->footer(kExamples);
  relay->callback(
      [=, &context] { *chosen = [=, &context] { return serve(context, *arguments); }; });
}

}  // namespace node::cli
