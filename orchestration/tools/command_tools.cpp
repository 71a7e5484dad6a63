// Jobs for the sandbox, and their outcome in words.
#include "orchestration/tools/command_tools.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "orchestration/envelope.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::size_t kMaxKept = 256 * 1024;  // of each stream
constexpr std::chrono::seconds kGitTime{30};
constexpr std::chrono::seconds kPdfTime{60};
constexpr std::int64_t kMaxSeconds = 600;

/// What a program said, as foreign text, and how it ended, in our words.
std::string describe(const std::string& source, const ProcessOutcome& outcome) {
  std::string out;
  if (!outcome.output.empty())
    out += enclose({.source = source, .trust = Trust::kKnown}, outcome.output, 2 * kMaxKept);
  if (!outcome.errors.empty()) {
    if (!out.empty()) out += '\n';
    out += enclose({.source = source + " stderr", .trust = Trust::kKnown}, outcome.errors, 2 * kMaxKept);
  }
  if (!out.empty()) out += '\n';
  if (outcome.timed_out) return out + "Stopped: it took too long.";
  if (outcome.status.signal != 0) return out + fmt::format("Ended by signal {}.", outcome.status.signal);
  return out + fmt::format("Exit code {}.", outcome.status.code);
}

class Bash final : public LocalTool {
 public:
  explicit Bash(CommandToolDeps deps)
      : LocalTool({.spec = {"bash",
                            "Run a shell command in your folder. No network, no input, nobody to answer "
                            "questions; at most 600 seconds.",
                            object_schema({{"command", text_param("one command line", 16'384)},
                                           {"seconds", int_param("time limit", 1, kMaxSeconds)}},
                                          {"command"})},
                   .capability = Capability::kRun,
                   .action = ActionClass::kRunCommand,
                   .subject_param = "command"}),
        deps_(std::move(deps)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string line = base::json::string_or(params, "command");
    SandboxJob job{.argv = plain_argv(line),
                   .workspace = deps_.workspace,
                   .may_write = deps_.may_write,
                   .run = {.time = std::chrono::seconds{base::json::int_or(params, "seconds", 120)},
                           .output_bytes = kMaxKept}};
    if (job.argv.empty()) job.argv = {"/bin/bash", "--noprofile", "--norc", "-c", line};
    CO_TRY(const ProcessOutcome outcome, co_await deps_.sandbox.run(std::move(job)));
    co_return describe("command", outcome);
  }

 private:
  CommandToolDeps deps_;
};

class GitTool final : public LocalTool {
 public:
  /// Turns checked arguments into git's own, after the options all of them get.
  using Arguments = std::vector<std::string> (*)(const Value& params);
  GitTool(ToolSpec spec, Arguments arguments, CommandToolDeps deps)
      : LocalTool({.spec = std::move(spec)}), arguments_(arguments), deps_(std::move(deps)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string revision = base::json::string_or(params, "revision", "HEAD");
    if (revision.starts_with('-')) co_return fail(Errc::kInvalid, "a revision does not begin with -");
    CO_TRY(const ProcessOutcome outcome, co_await run_git(deps_, arguments_(params)));
    co_return describe("git", outcome);
  }

 private:
  Arguments arguments_;
  CommandToolDeps deps_;
};

void add_path(std::vector<std::string>& argv, const Value& params) {
  argv.emplace_back("--");
  if (const std::string path = base::json::string_or(params, "path"); !path.empty()) argv.push_back(path);
}

std::vector<std::string> log_arguments(const Value& params) {
  std::vector<std::string> out = {"log", "--no-ext-diff", "--no-textconv", "--date=iso",
                                  fmt::format("--max-count={}", base::json::int_or(params, "count", 20)),
                                  "--format=%h %ad %an%n    %s", base::json::string_or(params, "revision", "HEAD")};
  add_path(out, params);
  return out;
}

std::vector<std::string> show_arguments(const Value& params) {
  std::vector<std::string> out = {"show", "--no-ext-diff", "--no-textconv", "--date=iso", "--stat", "--patch",
                                  base::json::string_or(params, "revision", "HEAD")};
  add_path(out, params);
  return out;
}

std::vector<std::string> blame_arguments(const Value& params) {
  const std::int64_t first = base::json::int_or(params, "line", 1);
  std::vector<std::string> out = {
      "blame", "--date=short", fmt::format("-L{},+{}", first, base::json::int_or(params, "lines", 200)),
      base::json::string_or(params, "revision", "HEAD")};
  add_path(out, params);
  return out;
}

Value revision_param() { return text_param("commit, branch or tag; HEAD when left out", 200); }
Value path_param() { return text_param("relative path", 4096); }

class ReadPdf final : public LocalTool {
 public:
  explicit ReadPdf(CommandToolDeps deps)
      : LocalTool({.spec = {"read_pdf", "Read the text of a PDF file below your folder.",
                            object_schema({{"path", path_param()},
                                           {"page", int_param("first page, from 1", 1, 100'000)},
                                           {"pages", int_param("how many pages", 1, 100)}},
                                          {"path"})}}),
        deps_(std::move(deps)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string path = base::json::string_or(params, "path");
    const std::int64_t first = base::json::int_or(params, "page", 1);
    const std::int64_t last = first + base::json::int_or(params, "pages", 10) - 1;
    // Opened behind the wall: a link out of the workspace leads nowhere there.
    SandboxJob job{.argv = {"pdftotext", "-q", "-layout", "-enc", "UTF-8", "-f", std::to_string(first), "-l",
                            std::to_string(last), "./" + path, "-"},
                   .workspace = deps_.workspace,
                   .run = {.time = kPdfTime, .output_bytes = kMaxKept}};
    CO_TRY(const ProcessOutcome outcome, co_await deps_.sandbox.run(std::move(job)));
    if (outcome.status.code == 1) co_return fail(Errc::kNotFound, path + " cannot be opened as a PDF");
    if (outcome.status.code != 0) co_return fail(Errc::kIo, path + ": pdftotext failed", outcome.errors);
    co_return enclose({.source = "pdf", .author = path, .trust = Trust::kKnown}, outcome.output, 2 * kMaxKept);
  }

 private:
  CommandToolDeps deps_;
};

}  // namespace

Task<Result<ProcessOutcome>> run_git(CommandToolDeps deps, std::vector<std::string> arguments) {
  SandboxJob job{.argv = {"git", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
                          "-c", "safe.directory=*", "-c", "color.ui=false"},
                 .workspace = deps.workspace,
                 .run = {.time = kGitTime, .output_bytes = kMaxKept}};
  std::ranges::move(arguments, std::back_inserter(job.argv));
  co_return co_await deps.sandbox.run(std::move(job));
}

std::unique_ptr<Tool> make_bash(CommandToolDeps deps) { return std::make_unique<Bash>(std::move(deps)); }

std::vector<std::unique_ptr<Tool>> make_git_tools(CommandToolDeps deps) {
  std::vector<std::unique_ptr<Tool>> out;
  out.push_back(std::make_unique<GitTool>(
      ToolSpec{"git_log", "The latest commits of your folder.",
               object_schema({{"revision", revision_param()},
                              {"path", path_param()},
                              {"count", int_param("how many", 1, 200)}},
                             Value::array())},
      log_arguments, deps));
  out.push_back(std::make_unique<GitTool>(
      ToolSpec{"git_show", "One commit with its changes.",
               object_schema({{"revision", revision_param()}, {"path", path_param()}}, Value::array())},
      show_arguments, deps));
  out.push_back(std::make_unique<GitTool>(
      ToolSpec{"git_blame", "Who changed the lines of a file last.",
               object_schema({{"path", path_param()},
                              {"revision", revision_param()},
                              {"line", int_param("first line, from 1", 1, 100'000'000)},
                              {"lines", int_param("how many", 1, 2000)}},
                             {"path"})},
      blame_arguments, std::move(deps)));
  return out;
}

std::unique_ptr<Tool> make_read_pdf(CommandToolDeps deps) {
  return std::make_unique<ReadPdf>(std::move(deps));
}

}  // namespace orchestration
