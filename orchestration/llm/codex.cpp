// One process a call: the prompt on its input, events on its output.
#include "orchestration/llm/codex.h"

#include <filesystem>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/envelope.h"
#include "orchestration/llm/dvm.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/llm/http_faults.h"
#include "orchestration/llm/ndjson.h"
#include "orchestration/sandbox/process.h"

namespace orchestration {
namespace {

using base::Errc;
using base::json::Value;
using Outcome = std::expected<Reply, ModelFailure>;

constexpr std::chrono::milliseconds kVersionPatience{20'000};
/// The runtime it brings along reserves far more address space than it uses.
constexpr ResourceLimits kLimits{.memory_bytes = 0};

std::unexpected<ModelFailure> failed(ModelFault fault, base::Error error) {
  return std::unexpected(ModelFailure{.fault = fault, .error = std::move(error)});
}

/// Made when it is needed, readable to nobody else.
base::Result<void> make_private(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return base::fail(Errc::kIo, fmt::format("{}: {}", folder, error.message()));
  return {};
}

}  // namespace

base::Result<std::string> CodexAssembler::add(std::string_view data) {
  bytes_ += data.size();
  if (bytes_ > kMaxStreamBytes) return base::fail(Errc::kLimit, "the run said over 16 MiB");
  TRY(const Value event, parse_wire(data));
  if (!event.is_object()) return base::fail(Errc::kPeer, "an event is no object");
  const std::string type = text_of(member(event, "type"));
  if (type == "thread.started") thread_ = text_of(member(event, "thread_id"));
  if (type == "turn.failed") {
    const Value* error = member(event, "error");
    return report(classify_reported(error ? *error : event));
  }
  if (type == "turn.completed") {
    done_ = true;
    if (const Value* usage = member(event, "usage"))
      usage_ = Usage{.prompt_tokens = count_of(member(*usage, "input_tokens")),
                     .cached_tokens = std::min(count_of(member(*usage, "cached_input_tokens")),
                                               count_of(member(*usage, "input_tokens"))),
                     .completion_tokens = count_of(member(*usage, "output_tokens"))};
  }
  // Lines of type "error" tell of retries as well; a turn that fails says so itself.
  const Value* item = member(event, "item");
  if (type != "item.completed" || !item || text_of(member(*item, "type")) != "agent_message") return std::string{};
  // The last message is the answer; the ones before it say what it is about to do.
  text_ = text_of(member(*item, "text"));
  return text_;
}

Reply CodexAssembler::take(std::size_t prompt_size) {
  return finished_reply({.text = std::move(text_), .calls = {}, .finish = Finish::kStop, .usage = usage_, .id = std::move(thread_)},
                        prompt_size);
}

base::Result<std::unique_ptr<CodexBackend>> CodexBackend::create(base::Loop& loop, CodexOptions options) {
  if (!options.program.starts_with('/'))
    return base::fail(Errc::kInvalid, "backend " + options.id + ": program is no absolute path");
  if (!is_loopback_url(options.base_url))
    return base::fail(Errc::kInvalid, "backend " + options.id + ": codex is driven at a server on this machine only",
                      "base_url = \"http://127.0.0.1:8080/v1\"");
  if (options.model.empty()) return base::fail(Errc::kInvalid, "backend " + options.id + " names no model");
  return std::unique_ptr<CodexBackend>(new CodexBackend(loop, std::move(options)));
}

std::vector<std::string> CodexBackend::arguments(const Request&) const {
  const auto text = [](const std::string& value) { return base::json::dump(value); };  // TOML's strings are JSON's
  return {options_.program, "exec", "--json", "--skip-git-repo-check", "--sandbox", "read-only",
          "--cd", options_.folder, "--model", options_.model,
          "-c", "model_provider=\"own\"",
          "-c", "model_providers.own.name=\"own\"",
          "-c", "model_providers.own.base_url=" + text(options_.base_url),
          "-c", "model_providers.own.wire_api=\"responses\"",
          "-c", "model_providers.own.request_max_retries=0",
          "-c", "model_providers.own.stream_max_retries=0",
          "-c", "approval_policy=\"never\"",
          "-"};
}

std::vector<std::string> CodexBackend::environment() const {
  return {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + options_.folder, "CODEX_HOME=" + options_.folder, "NO_COLOR=1",
          "NO_PROXY=127.0.0.1,localhost"};
}

base::Task<Outcome> CodexBackend::complete(Request request) {
  if (!request.tools.empty() || !request.images.empty())
    co_return failed(ModelFault::kUnsupported, {Errc::kUnsupported, "codex takes text alone", ""});
  if (auto made = make_private(options_.folder); !made) co_return failed(ModelFault::kTransport, std::move(made).error());
  const std::string prompt = prompt_text(request.messages) +
                             (request.answer_schema ? "\n\n" + schema_in_words(*request.answer_schema) : "");
  CodexAssembler assembler;
  base::Result<void> read;
  LineParser lines([&](std::string_view line) {
    if (!read) return;
    auto text = assembler.add(line);
    if (!text) read = std::unexpected(std::move(text).error());
    else if (request.on_text && !text->empty()) request.on_text(*text);
  });
  std::string complaint;
  auto started = Process::start(
      loop_,
      {.argv = arguments(request), .environment = environment(), .directory = options_.folder, .limits = kLimits,
       .keep = {}, .confinement = {}, .with_input = true},
      [&](std::string_view bytes) {
        if (auto fed = lines.feed(bytes); !fed && read) read = std::move(fed);
      },
      [&](std::string_view bytes) { complaint.append(bytes.substr(0, 500 - std::min<std::size_t>(complaint.size(), 500))); });
  if (!started) co_return failed(ModelFault::kTransport, std::move(started).error());
  // Dies with this coroutine, and its group with it: before what its sinks refer to.
  Process process = *std::move(started);
  if (auto written = process.write(prompt); !written) co_return failed(ModelFault::kTransport, std::move(written).error());
  process.close_input();
  const auto status = co_await process.wait(request.timeout);
  if (!status) co_return failed(ModelFault::kTimeout, status.error());
  lines.finish();
  if (!read)
    co_return std::unexpected(assembler.reported().value_or(ModelFailure{ModelFault::kProtocol, read.error()}));
  if (assembler.finished() && status->code == 0) co_return assembler.take(prompt.size());
  co_return failed(ModelFault::kTruncated,
                   {Errc::kPeer, fmt::format("the run ended with {} and no answer: {}", status->code,
                                             base::escape_for_terminal(cut_utf8(complaint, 300))), ""});
}

base::Task<base::Result<ProbeReport>> CodexBackend::probe() {
  CO_TRY(make_private(options_.folder));
  ProcessSpec spec{.argv = {options_.program, "--version"}, .environment = environment(), .directory = options_.folder,
                   .limits = kLimits, .keep = {}, .confinement = {}};
  CO_TRY(const ProcessOutcome outcome, co_await run_process(loop_, std::move(spec), "", {.time = kVersionPatience}));
  if (outcome.status.code != 0)
    co_return base::fail(Errc::kUnavailable, fmt::format("{} --version ends with {}", options_.program, outcome.status.code));
  co_return ProbeReport{.detail = std::string(cut_utf8(outcome.output.substr(0, outcome.output.find('\n')), 80)),
                        .models = {options_.model},
                        .model = options_.model};
}

}  // namespace orchestration
