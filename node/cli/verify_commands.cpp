// verify: ids and signatures of events from stdin.
#include <iostream>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"

namespace node::cli {
namespace {

using base::Result;

Result<void> check_line(std::string_view line) {
  TRY(const nostr::Event event, nostr::parse_event(line));
  return nostr::check(event);
}

int verify_stdin(const Context& context) {
  std::uint64_t valid = 0;
  std::uint64_t invalid = 0;
  std::string line;
  for (std::uint64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Result<void> checked = check_line(line);
    if (checked) {
      ++valid;
      continue;
    }
    ++invalid;
    if (context.json)
      fmt::print(stderr, "{}\n",
                 base::json::dump({{"line", number},
                                   {"error", base::errc_name(checked.error().code)},
                                   {"detail", checked.error().detail}}));
    else
      fmt::print(stderr, "line {}: {}\n", number,
                 base::escape_for_terminal(checked.error().detail));
  }
  print_json({{"valid", valid}, {"invalid", invalid}});
  return invalid == 0 ? kOk : kFailed;
}

}  // namespace

void add_verify_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* verify = app.add_subcommand("verify", "Check ids and signatures of events from stdin");
  verify->footer("Examples:\n  sovereign event -c hello --key-file me.key | sovereign verify");
  verify->callback([=, &context] { *chosen = [=, &context] { return verify_stdin(context); }; });
}

}  // namespace node::cli
