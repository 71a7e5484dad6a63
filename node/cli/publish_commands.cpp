// publish: events from stdin to relays; and what every publishing command prints.
#include <iostream>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/publishing.h"
#include "nostr/event/event_json.h"

namespace node::cli {
namespace {

std::string_view state_name(nostr::PublishOutcome::State state) {
  switch (state) {
    case nostr::PublishOutcome::State::kAccepted:
      return "accepted";
    case nostr::PublishOutcome::State::kRejected:
      return "rejected";
    case nostr::PublishOutcome::State::kUnknown:
      return "unknown";
  }
  return "unknown";
}

int publish_stdin(const Context& context, const std::vector<std::string>& relays) {
  std::vector<nostr::Event> events;
  std::string line;
  bool bad = false;
  for (std::uint64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto event = nostr::parse_event(line);
    if (!event) {
      report(context, base::in_context(fmt::format("line {}", number), event.error()));
      bad = true;
      continue;
    }
    events.push_back(*std::move(event));
  }
  Runtime runtime;
  const PublishCounts counts =
      runtime.loop.run_until_complete(publish_all(runtime, relays, std::move(events), false));
  if (bad) return counts.accepted > 0 ? kPartial : kFailed;
  return counts.exit_code();
}

}  // namespace

base::Task<PublishCounts> publish_all(Runtime& runtime, std::vector<std::string> relays,
                                      std::vector<nostr::Event> events, bool to_stderr) {
  PublishCounts counts;
  for (nostr::Event& event : events) {
    const std::string id = event.id.hex();
    const auto outcomes = co_await runtime.pool.publish(relays, std::move(event));
    for (const nostr::PublishOutcome& outcome : outcomes) {
      ++counts.total;
      if (outcome.state == nostr::PublishOutcome::State::kAccepted) ++counts.accepted;
      const std::string line = base::json::dump({{"id", id},
                                                 {"relay", outcome.relay},
                                                 {"status", state_name(outcome.state)},
                                                 {"reason", outcome.message}});
      if (to_stderr)
        fmt::print(stderr, "{}\n", line);
      else
        print_line(line);
    }
  }
  co_await runtime.pool.stop();
  co_return counts;
}

void add_publish_commands(CLI::App& app, Context& context, Action* chosen) {
  auto relays = std::make_shared<std::vector<std::string>>();
  auto* publish =
      app.add_subcommand("publish", "Send events from stdin (one JSON per line) to relays");
  publish->add_option("relays", *relays, "Relay URLs")->required();
  publish->callback(
      [=, &context] { *chosen = [=, &context] { return publish_stdin(context, *relays); }; });
}

}  // namespace node::cli
