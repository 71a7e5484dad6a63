#include "orchestration/llm/external_agent.h"

#include <filesystem>

#include <fmt/format.h>

#include "orchestration/envelope.h"
#include "orchestration/llm/dialect.h"
#include "orchestration/llm/http_backend.h"

namespace orchestration {

using base::Errc;
using base::Result;

namespace {

constexpr std::chrono::milliseconds kVersionPatience{20'000};

}  // namespace

Result<void> check_external_agent(const ExternalAgentOptions& options, const std::string& what) {
  if (!options.program.starts_with('/'))
    return base::fail(Errc::kInvalid, "backend " + options.id + ": program is no absolute path");
  if (!is_loopback_url(options.base_url))
    return base::fail(Errc::kInvalid, fmt::format("backend {}: {} is driven at a server on this machine only", options.id, what),
                      "base_url = \"http://127.0.0.1:8080/v1\"");
  if (options.model.empty()) return base::fail(Errc::kInvalid, "backend " + options.id + " names no model");
  return {};
}

Result<void> make_private(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return base::fail(Errc::kIo, fmt::format("{}: {}", folder, error.message()));
  return {};
}

ProcessSpec external_agent_process(const ExternalAgentOptions& options, std::vector<std::string> arguments,
                                   std::vector<std::string> more) {
  ProcessSpec spec{.argv = {options.program},
                   .environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + options.folder, "NO_COLOR=1",
                                   "NO_PROXY=127.0.0.1,localhost"},
                   .directory = options.folder,
                   // The runtime such a program brings along reserves far more address space than it uses.
                   .limits = {.memory_bytes = 0},
                   .keep = {},
                   .confinement = {}};
  spec.argv.insert(spec.argv.end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
  spec.environment.insert(spec.environment.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return spec;
}

base::Task<Result<ProbeReport>> probe_external_agent(base::Loop& loop, ExternalAgentOptions options) {
  CO_TRY(make_private(options.folder));
  CO_TRY(const ProcessOutcome outcome,
         co_await run_process(loop, external_agent_process(options, {"--version"}), "", {.time = kVersionPatience}));
  if (outcome.status.code != 0)
    co_return base::fail(Errc::kUnavailable, fmt::format("{} --version ends with {}", options.program, outcome.status.code));
  co_return ProbeReport{.detail = std::string(cut_utf8(outcome.output.substr(0, outcome.output.find('\n')), 80)),
                        .models = {options.model},
                        .model = options.model};
}

std::unexpected<ModelFailure> failed_attempt(ModelFault fault, base::Error error) {
  return std::unexpected(ModelFailure{.fault = fault, .error = std::move(error)});
}

}  // namespace orchestration
