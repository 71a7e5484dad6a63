// req, count: what relays have, printed one JSON per line.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/event/event_json.h"
#include "nostr/event/filter.h"
#include "nostr/signer/key_signer.h"

namespace node::cli {
namespace {

using base::Result;

constexpr std::chrono::seconds kRelayPatience{30};

struct ReqArguments {
  std::vector<std::string> relays;
  std::vector<std::string> filters;
  bool stream = false;
  std::string key_file;
};

Result<nostr::Filters> read_filters(const std::vector<std::string>& texts) {
  nostr::Filters filters;
  for (const std::string& text : texts) {
    auto filter = nostr::parse_filter(std::string_view(text));
    if (!filter) return std::unexpected(base::in_context("-f", filter.error()));
    filters.push_back(*std::move(filter));
  }
  if (filters.empty()) filters.push_back({.limit = 500});
  return filters;
}

base::Task<int> fetch_stored(Runtime& runtime, const Context& context,
                             std::vector<std::string> relays, nostr::Filters filters) {
  const nostr::FetchResult result =
      co_await runtime.pool.fetch(relays, std::move(filters), kRelayPatience);
  for (const nostr::EventPtr& event : result.events) fmt::print("{}\n", nostr::to_json(*event));
  std::fflush(stdout);
  for (const auto& [relay, why] : result.failed)
    progress(context, fmt::format("{}: {}", relay, why));
  co_await runtime.pool.stop();
  if (result.failed.empty()) co_return kOk;
  co_return result.complete.empty() ? kFailed : kPartial;
}

int stream_events(Runtime& runtime, const std::vector<std::string>& relays,
                  const nostr::Filters& filters) {
  auto subscription =
      runtime.pool.subscribe(relays, filters,
                             {.on_events =
                                  [](std::span<const nostr::Delivery> batch) {
                                    for (const nostr::Delivery& delivery : batch)
                                      fmt::print("{}\n", nostr::to_json(*delivery.event));
                                    std::fflush(stdout);
                                  },
                              .on_eose = {},
                              .on_closed = {}});
  runtime.loop.on_signal([&](int) { runtime.loop.stop(); });
  runtime.loop.run();
  subscription.reset();
  runtime.loop.run_until_complete(runtime.pool.stop());
  return kInterrupted;
}

int request(const Context& context, const ReqArguments& arguments) {
  auto filters = read_filters(arguments.filters);
  if (!filters) {
    report(context, filters.error());
    return kUsage;
  }
  Runtime runtime;
  std::optional<nostr::KeySigner> signer;
  if (!arguments.key_file.empty()) {
    auto key = load_key_file(arguments.key_file);
    if (!key) return report(context, key.error());
    signer.emplace(*std::move(key), runtime.clock, runtime.rng);
    runtime.pool.set_auth("", &*signer);
  }
  if (arguments.stream) return stream_events(runtime, arguments.relays, *filters);
  return runtime.loop.run_until_complete(
      fetch_stored(runtime, context, arguments.relays, *std::move(filters)));
}

base::Task<int> count_each(Runtime& runtime, const Context& context,
                           std::vector<std::string> relays, nostr::Filters filters) {
  std::size_t failed = 0;
  for (const std::string& relay : relays) {
    auto count = co_await runtime.pool.count(relay, filters, kRelayPatience);
    if (count) {
      print_json({{"relay", relay}, {"count", *count}});
    } else {
      ++failed;
      report(context, base::in_context(relay, count.error()));
    }
  }
  co_await runtime.pool.stop();
  co_return failed == 0 ? kOk : failed == relays.size() ? kFailed : kPartial;
}

}  // namespace

void add_req_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<ReqArguments>();
  auto* command = app.add_subcommand(
      "req", "Print events that match, one JSON per line, until all stored ones came");
  command->add_option("relays", arguments->relays, "Relay URLs")->required();
  command->add_option("-f,--filter", arguments->filters, "Filter as JSON (repeat)")
      ->allow_extra_args(false);
  command->add_flag("--stream", arguments->stream, "Go on with live events until interrupted");
  command->add_option("--key-file", arguments->key_file, "Answer AUTH with this key");
  command->footer(
      "Examples:\n  sovereign req wss://relay.example -f '{\"kinds\":[1],\"limit\":10}'\n"
      "  sovereign req ws://127.0.0.1:7777 -f '{}' --stream | sovereign verify");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return request(context, *arguments); }; });

  auto counting = std::make_shared<ReqArguments>();
  auto* count = app.add_subcommand("count", "Ask relays how many events match (NIP-45)");
  count->add_option("relays", counting->relays, "Relay URLs")->required();
  count->add_option("-f,--filter", counting->filters, "Filter as JSON (repeat)")
      ->allow_extra_args(false);
  count->callback([=, &context] {
    *chosen = [=, &context] {
      auto filters = read_filters(counting->filters);
      if (!filters) {
        report(context, filters.error());
        return static_cast<int>(kUsage);
      }
      Runtime runtime;
      return runtime.loop.run_until_complete(
          count_each(runtime, context, counting->relays, *filters));
    };
  });
}

}  // namespace node::cli
