// log and top: the record of a home as it grows, and everything about it on one screen.
#include <csignal>
#include <set>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/status_text.h"
#include "node/cli/terminal.h"
#include "node/config.h"
#include "node/control.h"
#include "node/dashboard/server.h"
#include "node/group_side.h"
#include "node/record_view.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;

constexpr std::chrono::milliseconds kLook{1'000};
constexpr std::int64_t kInFrame = 200;

struct LogArguments {
  bool follow = false;
  std::int64_t count = 50;
  std::string since;
  std::string what;
};

/// The rows of a home that nothing runs on. Steps of a node are opened when its key and operators are
/// there.
Result<Value> read_closed(const Home& home, base::UnixTime since, std::size_t limit) {
  std::error_code error;
  if (!std::filesystem::exists(home.database(), error))
    return base::fail(Errc::kNotFound, home.database().string() + " does not exist",
                      "name the home with --home");
  TRY(const auto db, storage::open_database(home.database().string()));
  StepReader reader;
  const auto config = load_config(home);
  const auto key = config ? load_node_key(home, *config) : Result<nostr::SecretKey>(std::unexpected(config.error()));
  if (key) {
    reader.key = &*key;
    if (!config->node.operators.empty())
      if (const auto person = nostr::parse_public_key(config->node.operators.front()))
        reader.reader = *person;
  }
  return record_view(*db, reader, since, limit);
}

Result<Value> read_record(const Home& home, base::UnixTime since, std::int64_t limit) {
  auto answer = control_call(home.control_socket(), "record",
                             {{"since", base::to_unix(since)}, {"limit", limit}}, kControlPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  return read_closed(home, since, static_cast<std::size_t>(limit));
}

/// Prints what was not printed before.
class Printer {
 public:
  Printer(const Context& context, std::string what) : context_(context), what_(std::move(what)) {}

  void print(const Value& entries) {
    for (const Value& entry : entries) {
      if (!printed_.insert(base::json::string_or(entry, "id")).second) continue;
      newest_ = std::max(newest_, base::json::int_or(entry, "at"));
      if (!what_.empty() && base::json::string_or(entry, "what") != what_) continue;
      if (context_.json)
        print_json(entry);
      else
        print_foreign(record_line(entry));
    }
  }
  /// Rows may be committed a little after their own time.
  base::UnixTime since() const { return base::unix_time(std::max<std::int64_t>(newest_ - 60, 0)); }

 private:
  const Context& context_;
  const std::string what_;
  std::set<std::string> printed_;
  std::int64_t newest_ = 0;
};

int follow_log(const Context& context, Printer& printer) {
  const Interrupt interrupt;
  while (interrupt.signal() == 0) {
    // A process that is being restarted is waited for.
    if (const auto entries = read_record(context.home(), printer.since(), 10'000))
      printer.print(*entries);
    interrupt.wait(kLook);
  }
  return interrupt.signal() == SIGINT ? kInterrupted : kOk;
}

int show_log(const Context& context, const LogArguments& arguments) {
  base::UnixTime since{};
  if (!arguments.since.empty()) {
    const auto parsed = parse_past(arguments.since, base::SystemClock().now());
    if (!parsed) return report_usage(context, parsed.error());
    since = *parsed;
  }
  const auto entries = read_record(context.home(), since, arguments.count);
  if (!entries) return report(context, entries.error());
  Printer printer(context, arguments.what);
  printer.print(*entries);
  if (entries->empty()) progress(context, "nothing is on record yet");
  return arguments.follow ? follow_log(context, printer) : static_cast<int>(kOk);
}

/// One look; the lines of a screen.
Result<std::vector<std::string>> look(const Home& home, std::size_t rows) {
  TRY(const Value status,
      control_call(home.control_socket(), "status", Value::object(), kControlPatience));
  TRY(const Value record, control_call(home.control_socket(), "record",
                                       {{"since", 0}, {"limit", kInFrame}}, kControlPatience));
  return frame_lines(status, record, base::format_utc(base::SystemClock().now()), rows);
}

void draw(const std::vector<std::string>& lines, const TerminalSize& size) {
  std::string screen = "\x1b[H";
  for (std::size_t i = 0; i + 1 < size.rows; ++i) {
    if (i < lines.size()) screen += cut_to_columns(base::escape_for_terminal(lines[i]), size.columns);
    screen += "\x1b[K\n";
  }
  screen += "q quits\x1b[K";
  fmt::print("{}", screen);
  std::fflush(stdout);
}

int report_look(const Context& context, const base::Error& error) {
  const int code = report(context, error);
  return error.code == Errc::kUnavailable ? kNotRunning : code;
}

int one_frame(const Context& context) {
  const auto lines = look(context.home(), 60);
  if (!lines) return report_look(context, lines.error());
  for (const std::string& line : *lines) print_foreign(line);
  return kOk;
}

int live_frames(const Context& context) {
  const Interrupt interrupt;
  const RawKeys keys;
  fmt::print("\x1b[?1049h\x1b[?25l");
  Result<void> outcome;
  while (outcome && interrupt.signal() == 0) {
    const TerminalSize size = terminal_size();
    const auto lines = look(context.home(), size.rows - 1);
    if (!lines) {
      outcome = std::unexpected(lines.error());
      break;
    }
    draw(*lines, size);
    if (const auto key = interrupt.wait(kLook, /*keys=*/true); key && (*key == 'q' || *key == 'Q')) break;
  }
  fmt::print("\x1b[?25h\x1b[?1049l");
  std::fflush(stdout);
  if (!outcome) return report_look(context, outcome.error());
  return interrupt.signal() == SIGINT ? kInterrupted : kOk;
}

int top(const Context& context) {
  if (context.json) {
    const auto status = control_call(context.home().control_socket(), "status", Value::object(), kControlPatience);
    if (!status) return report_look(context, status.error());
    print_json(*status);
    return kOk;
  }
  return shows_to_people() && people_type() ? live_frames(context) : one_frame(context);
}

// ---- dashboard, metrics

int print_metrics(const Context& context) {
  const auto answer = control_call(context.home().control_socket(), "metrics", Value::object(), kControlPatience);
  if (!answer) return report_look(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    fmt::print("{}", base::json::string_or(*answer, "text"));
  return kOk;
}

/// The token stands behind #, which browsers keep to themselves.
int print_dashboard(const Context& context) {
  const auto status = control_call(context.home().control_socket(), "status", Value::object(), kControlPatience);
  if (!status) return report_look(context, status.error());
  const std::int64_t port = base::json::int_or(*status, "dashboard");
  if (port == 0)
    return report(context, {Errc::kNotFound, "this node serves no dashboard",
                            "[dashboard] listen = \"127.0.0.1:7788\" in config.toml, then restart it"});
  base::SystemRng rng;
  const auto token = dashboard_token(context.home(), rng);
  if (!token) return report(context, token.error());
  const std::string url = fmt::format("http://127.0.0.1:{}/#{}", port, *token);
  if (context.json)
    print_json({{"url", url}, {"port", port}});
  else
    print_line(url);
  return kOk;
}

}  // namespace

void add_watch_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<LogArguments>();
  auto* log = app.add_subcommand("log", "What woke the agent, each step, each question, each verdict");
  log->add_flag("-f,--follow", arguments->follow, "Go on as it grows");
  log->add_option("-n,--count", arguments->count, "Show the newest so many")->check(CLI::Range(1, 10'000));
  log->add_option("--since", arguments->since, "Only what is newer: 2h, 3d, 2026-11-25T14:00Z");
  log->add_option("--what", arguments->what, "Only entries of this sort")
      ->check(CLI::IsMember({"tick", "step", "question", "decision", "verdict"}));
  log->footer(
      "Reads the running process, or the database when nothing runs.\n"
      "Examples:\n"
      "  sovereign log --home agent -n 20\n"
      "  sovereign log --home guard --follow --json");
  log->callback([=, &context] { *chosen = [=, &context] { return show_log(context, *arguments); }; });

  auto* metrics = app.add_subcommand("metrics", "Counters and gauges of the running process, for Prometheus");
  metrics->footer(
      "A node with a dashboard serves the same at /metrics, for a bearer of its token.\n"
      "Examples:\n"
      "  sovereign metrics --home agent");
  metrics->callback([=, &context] { *chosen = [&context] { return print_metrics(context); }; });
  auto* dashboard = app.add_subcommand("dashboard", "Print the address of the node's page; it is a secret");
  dashboard->footer(
      "Examples:\n"
      "  sovereign dashboard --home agent");
  dashboard->callback([=, &context] { *chosen = [&context] { return print_dashboard(context); }; });

  auto* screen = app.add_subcommand("top", "Everything about the running process on one screen, live");
  screen->footer(
      "Without a terminal it prints one frame.\n"
      "Examples:\n"
      "  sovereign top --home agent");
  screen->callback([=, &context] { *chosen = [&context] { return top(context); }; });
}

}  // namespace node::cli
