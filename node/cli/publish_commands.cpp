// publish: events from stdin to relays, as they come.
#include <iostream>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/publishing.h"
#include "node/cli/signer_flags.h"
#include "nostr/event/event_json.h"

namespace node::cli {
namespace {

/// Blocks until a line comes; nullopt at the end of the input.
std::optional<std::string> read_line() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

base::Task<int> publish_lines(Runtime& runtime, const Context& context, PublishFlags flags) {
  Sender sender(runtime, context, std::move(flags), OutcomesTo::kStdout);
  bool bad = false;
  bool any = false;
  for (std::uint64_t number = 1;; ++number) {
    const std::optional<std::string> line =
        co_await base::offload<std::optional<std::string>>(runtime.loop, runtime.workers, read_line);
    if (!line) break;
    if (is_blank(*line)) continue;
    auto event = nostr::parse_event(*line);
    if (!event) {
      report(context, base::in_context(fmt::format("line {}", number), event.error()));
      bad = true;
      continue;
    }
    any = true;
    co_await sender.add(*std::move(event));
  }
  const int code = co_await sender.finish();
  if (bad && code == kOk) co_return any ? kPartial : kFailed;
  co_return code;
}

int publish_stdin(const Context& context, const PublishFlags& flags, const SignerFlags& signer) {
  Runtime runtime;
  if (!signer.any()) return runtime.loop.run_until_complete(publish_lines(runtime, context, flags));
  return run_with_signer(runtime, context, signer,
                         [&](nostr::Signer&) { return publish_lines(runtime, context, flags); });
}

}  // namespace

void add_publish_commands(CLI::App& app, Context& context, Action* chosen) {
  auto flags = std::make_shared<PublishFlags>();
  auto signer = std::make_shared<SignerFlags>();
  auto* publish = app.add_subcommand(
      "publish", "Send events from stdin (one JSON per line) to relays; one line per outcome");
  publish->add_option("relays", flags->relays, "Relay URLs")->required();
  add_signer_flags(*publish, *signer, "Answer AUTH with this key");
  add_publish_flags(*publish, *flags);
  publish->footer(
      "Examples:\n  sovereign event -c hello --key-file me.key | sovereign publish "
      "ws://127.0.0.1:7777\n"
      "  sovereign publish ws://127.0.0.1:7777 --quorum 1 --timeout 10s < events.jsonl");
  publish->callback([=, &context] {
    *chosen = [=, &context] { return publish_stdin(context, *flags, *signer); };
  });
}

}  // namespace node::cli
