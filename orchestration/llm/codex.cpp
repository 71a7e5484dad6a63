// One process a call: the prompt on its input, events on its output.
#include "orchestration/llm/codex.h"

#include <cstdlib>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/envelope.h"
#include "orchestration/llm/dvm.h"
#include "orchestration/llm/http_faults.h"
#include "orchestration/llm/ndjson.h"

namespace orchestration {
namespace {

using base::Errc;
using base::json::Value;
using Outcome = std::expected<Reply, ModelFailure>;

/// Where it waits for its server for ever, whatever it was told of retries.
constexpr std::string_view kWaiting = "Reconnecting... waiting for network";
constexpr std::string_view kStatus = "unexpected status ";

/// {"message"}: what its server answered, which it quotes by status, or what it did itself.
ModelFailure failure_of(const Value& error) {
  const std::string text = text_of(member(error, "message"));
  const std::size_t at = text.find(kStatus);
  if (at == std::string::npos) return classify_reported(error);
  const int status = std::atoi(text.c_str() + at + kStatus.size());
  return status >= 300 && status < 600 ? classify_http_failure(status, {}, text, {}) : classify_reported(error);
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
    return report(failure_of(error ? *error : event));
  }
  if (type == "error" && text_of(member(event, "message")).starts_with(kWaiting))
    return report({.fault = ModelFault::kTransport, .error = {Errc::kUnavailable, "codex does not reach its model's server", ""}});
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

base::Result<std::unique_ptr<CodexBackend>> CodexBackend::create(base::Loop& loop, ExternalAgentOptions options) {
  TRY(check_external_agent(options, "codex"));
  return std::unique_ptr<CodexBackend>(new CodexBackend(loop, std::move(options)));
}

ProcessSpec CodexBackend::run_spec() const {
  const auto text = [](const std::string& value) { return base::json::dump(value); };  // TOML's strings are JSON's
  ProcessSpec spec = external_agent_process(
      options_,
      {"exec", "--json", "--skip-git-repo-check", "--sandbox", "read-only",
       "--cd", options_.folder, "--model", options_.model,
       "-c", "model_provider=\"own\"",
       "-c", "model_providers.own.name=\"own\"",
       "-c", "model_providers.own.base_url=" + text(options_.base_url),
       "-c", "model_providers.own.wire_api=\"responses\"",
       "-c", "model_providers.own.request_max_retries=0",
       "-c", "model_providers.own.stream_max_retries=0",
       "-c", "approval_policy=\"never\"",
       "-"},
      {"CODEX_HOME=" + options_.folder});
  spec.with_input = true;
  return spec;
}

base::Task<Outcome> CodexBackend::complete(Request request) {
  if (!request.tools.empty() || !request.images.empty())
    co_return failed_attempt(ModelFault::kUnsupported, {Errc::kUnsupported, "codex takes text alone", ""});
  if (auto made = make_private(options_.folder); !made) co_return failed_attempt(ModelFault::kTransport, std::move(made).error());
  const std::string prompt = prompt_text(request.messages) +
                             (request.answer_schema ? "\n\n" + schema_in_words(*request.answer_schema) : "");
  CodexAssembler assembler;
  base::Result<void> read;
  Process* running = nullptr;
  LineParser lines([&](std::string_view line) {
    if (!read) return;
    auto text = assembler.add(line);
    if (!text) read = std::unexpected(std::move(text).error());
    else if (request.on_text && !text->empty()) request.on_text(*text);
  });
  std::string complaint;
  auto started = Process::start(
      loop_, run_spec(),
      [&](std::string_view bytes) {
        if (auto fed = lines.feed(bytes); !fed && read) read = std::move(fed);
        // Nothing it says after that counts, and it may take its time to say it.
        if (!read && running != nullptr) running->kill();
      },
      [&](std::string_view bytes) { complaint.append(bytes.substr(0, 500 - std::min<std::size_t>(complaint.size(), 500))); });
  if (!started) co_return failed_attempt(ModelFault::kTransport, std::move(started).error());
  // Dies with this coroutine, and its group with it: before what its sinks refer to.
  Process process = *std::move(started);
  running = &process;
  if (auto written = process.write(prompt); !written) co_return failed_attempt(ModelFault::kTransport, std::move(written).error());
  process.close_input();
  const auto status = co_await process.wait(request.timeout);
  if (!status) co_return failed_attempt(ModelFault::kTimeout, status.error());
  lines.finish();
  if (!read)
    co_return std::unexpected(assembler.reported().value_or(ModelFailure{ModelFault::kProtocol, read.error()}));
  if (assembler.finished() && status->code == 0) co_return assembler.take(prompt.size());
  co_return failed_attempt(ModelFault::kTruncated,
                   {Errc::kPeer, fmt::format("the run ended with {} and no answer: {}", status->code,
                                             base::escape_for_terminal(cut_utf8(complaint, 300))), ""});
}

base::Task<base::Result<ProbeReport>> CodexBackend::probe() {
  return probe_external_agent(loop_, options_);
}

}  // namespace orchestration
