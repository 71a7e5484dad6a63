// relay: the embedded relay as a program.
#include <charconv>
#include <csignal>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "nostr/base/clock.h"
#include "nostr/base/loop.h"
#include "nostr/base/rng.h"
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
};

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

int serve(const Context& context, const RelayArguments& arguments) {
  auto listen = parse_listen(arguments.listen);
  if (!listen) {
    report(context, listen.error());
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
  auto relay = nostr::Relay::start(loop, net, events, clock, rng, {.server = *listen});
  if (!relay) return report(context, relay.error());
  if (context.json)
    print_json({{"listening", (*relay)->url()}});
  else
    print_line("listening " + (*relay)->url());
  int signal = 0;
  loop.on_signal([&](int number) {
    signal = number;
    loop.stop();
  });
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
  relay->footer("Example:\n  sovereign relay --listen 127.0.0.1:0");
  relay->callback(
      [=, &context] { *chosen = [=, &context] { return serve(context, *arguments); }; });
}

}  // namespace node::cli
