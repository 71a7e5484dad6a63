// Children in sessions of their own, so that Ctrl-C reaches the demo first and it says good-bye in order.
#include "node/demo/cast.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace node::demo {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using orchestration::Process;
using orchestration::ProcessSpec;

namespace {

constexpr std::chrono::seconds kFarewell{10};
constexpr std::size_t kMaxAnswer = 4u << 20;
constexpr std::size_t kTail = 600;  ///< bytes of a log that an error quotes

std::vector<std::string> environment_of(const std::filesystem::path& root, std::vector<std::string> pass) {
  pass.insert(pass.end(), {"PATH", "LANG", "TERM", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"});
  std::vector<std::string> out{"HOME=" + root.string()};
  for (const std::string& name : pass)
    if (const char* value = std::getenv(name.c_str()))  // NOLINT(concurrency-mt-unsafe)
      out.push_back(fmt::format("{}={}", name, value));
  return out;
}

std::string tail(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.size() > kTail ? "…" + text.substr(text.size() - kTail) : text;
}

}  // namespace

struct Cast::Part {
  Part(base::Loop& loop, std::string name, const std::filesystem::path& log) : name(std::move(name)), log(log, std::ios::app), said(loop) {}

  /// The first line said so far that begins with `prefix`.
  std::optional<std::string> line(std::string_view prefix) const {
    std::size_t at = 0;
    for (std::size_t end; (end = output.find('\n', at)) != std::string::npos; at = end + 1)
      if (output.compare(at, prefix.size(), prefix) == 0) return output.substr(at, end - at);
    return std::nullopt;
  }

  std::string name;
  std::ofstream log;
  std::string output;  ///< kept until it is ready
  std::string errors;  ///< the last of it
  bool ready = false;
  base::Signal said;
  std::optional<Process> process;
};

Cast::Cast(base::Loop& loop, std::filesystem::path root, std::filesystem::path program, std::vector<std::string> pass)
    : loop_(loop), root_(std::move(root)), program_(std::move(program)),
      environment_(environment_of(root_, std::move(pass))) {}

Cast::~Cast() = default;

std::string Cast::program_name() const {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::istringstream folders(path != nullptr ? path : "");
  std::error_code error;
  for (std::string folder; std::getline(folders, folder, ':');)
    if (std::filesystem::equivalent(std::filesystem::path(folder) / "sovereign", program_, error)) return "sovereign";
  return program_.string();
}

ProcessSpec Cast::spec(std::vector<std::string> arguments) const {
  ProcessSpec out{.argv = {program_.string()}, .environment = environment_, .directory = root_.string()};
  out.argv.insert(out.argv.end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
  out.limits = {.cpu = std::chrono::seconds{0}, .memory_bytes = 0, .file_bytes = 0, .open_files = 0, .processes = 0};
  return out;
}

base::Error Cast::ended_early(const Part& part, Errc code, std::string_view what) const {
  return {code, fmt::format("{} {}", part.name, what), tail(part.errors)};
}

base::Task<Result<std::string>> Cast::start(std::string name, std::vector<std::string> arguments, std::string ready) {
  auto owned = std::make_unique<Part>(loop_, name, root_ / (name + ".log"));
  Part* part = owned.get();  // lives as long as the cast
  const auto on_output = [part](std::string_view text) {
    part->log << text << std::flush;
    if (!part->ready) part->output += text;
    part->said.notify();
  };
  const auto on_errors = [part](std::string_view text) {
    part->log << text << std::flush;
    part->errors += text;
    if (part->errors.size() > 4 * kTail) part->errors.erase(0, part->errors.size() - 2 * kTail);
  };
  auto process = Process::start(loop_, spec(std::move(arguments)), on_output, on_errors);
  if (!process) co_return std::unexpected(base::in_context(name, process.error()));
  part->process.emplace(*std::move(process));
  parts_.push_back(std::move(owned));

  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (auto line = part->line(ready)) {
      part->ready = true;
      co_return *std::move(line);
    }
    if (co_await part->process->wait(std::chrono::milliseconds{0})) co_return std::unexpected(ended_early(*part, Errc::kUnavailable, "ended before it was ready"));
    if (std::chrono::steady_clock::now() > deadline)
      co_return std::unexpected(ended_early(*part, Errc::kTimeout, fmt::format("was not ready within {} s", kPatience.count())));
    co_await part->said.wait_for(std::chrono::milliseconds{200});
  }
}

base::Task<Result<std::string>> Cast::run(std::vector<std::string> arguments, std::string input, std::chrono::seconds patience) {
  const std::string what = arguments.empty() ? "" : arguments.front();
  CO_TRY(orchestration::ProcessOutcome outcome,
         co_await orchestration::run_process(loop_, spec(std::move(arguments)), std::move(input),
                                             {.time = patience, .output_bytes = kMaxAnswer}));
  if (outcome.timed_out) co_return fail(Errc::kTimeout, fmt::format("sovereign {} did not end", what));
  if (outcome.status.code != 0)
    co_return fail(Errc::kUnavailable, fmt::format("sovereign {} ended with code {}", what, outcome.status.code), tail(outcome.errors));
  co_return std::move(outcome.output);
}

base::Task<Result<Value>> Cast::ask(std::vector<std::string> arguments, std::chrono::seconds patience) {
  arguments.emplace_back("--json");
  CO_TRY(const std::string output, co_await run(std::move(arguments), "", patience));
  co_return base::json::parse(std::string_view(output).substr(0, output.find('\n')));
}

base::Task<void> Cast::close() {
  // Those that were started last lean on those before.
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
    Process& process = *(*part)->process;
    ::kill(process.pid(), SIGTERM);
    if (!co_await process.wait(kFarewell)) process.kill();
  }
  parts_.clear();
}

}  // namespace node::demo
