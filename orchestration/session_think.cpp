// A turn of the model's: what it reads, made to fit its window, what it answers, and the limits to all that.
#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/compaction.h"
#include "orchestration/llm/reply_parts.h"
#include "orchestration/prompt_window.h"
#include "orchestration/repetition.h"
#include "orchestration/session.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using std::chrono::milliseconds;

constexpr std::uint64_t kFullPercent = 85;
constexpr std::size_t kUntilNextTry = 8;   ///< messages after summing up failed
constexpr std::size_t kBytesPerToken = 4;  ///< as estimate_tokens() has it

/// Of a window of `room` tokens, what the last exchanges may keep when the rest is summed up.
std::size_t kept_bytes(std::uint64_t room) { return room * kBytesPerToken * 3 / 10; }

/// Nine letters and digits: unique in the session, and accepted by every provider.
std::string call_id_of(std::size_t turn, std::size_t index) {
  return fmt::format("c{:04}{:04}", turn, index);
}

/// Why a session without a reply ended, as call_model() (llm/caller.h) says it.
std::string model_detail(Errc code) {
  if (code == Errc::kLimit) return "budget-exhausted";
  if (code == Errc::kInvalid) return "context-too-long";
  return fmt::format("model-{}", base::errc_name(code));
}

}  // namespace

/// The conversation as it stands, for the model.
Request Session::next_request() const {
  Request request;
  request.messages = prompt_of(transcript_->messages());
  request.tools = tool_specs();
  request.max_output_tokens = agent_.max_output_tokens;
  request.temperature = agent_.temperature;
  request.trigger = trigger_;
  return request;
}

/// What hooks have to say that no transcript keeps, behind the instructions.
void Session::say_aside(Request& request) const {
  if (!request.messages.empty()) request.messages.front().content += deps_.hooks.aside(trigger_.tick);
}

/// One model call with the time that is left for it.
Task<Result<Reply>> Session::ask_model(Request request, std::string purpose) {
  ModelTurn turn{.session = row_.id, .tick = trigger_.tick, .agent = agent_.id, .purpose = std::move(purpose)};
  turn.turn = turns();
  turn.request = std::move(request);
  turn.budget = std::min(limits_.model_timeout, limits_.think_time - thought_);
  const auto start = std::chrono::steady_clock::now();
  ModelCallerDeps deps{
      .router = deps_.router, .hooks = deps_.hooks, .rng = deps_.rng, .retry = deps_.retry};
  auto reply = co_await call_model(deps, std::move(turn));
  thought_ += std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  co_return reply;
}

Task<Result<void>> Session::think() {
  Request request = next_request();
  if (wants_summary(request)) co_return co_await sum_up(std::move(request));
  say_aside(request);
  fit(request);
  const std::size_t sent = prompt_bytes(request);
  const std::uint32_t number = turns();
  auto reply = co_await ask_model(std::move(request), "");
  if (!reply) {
    const base::Error& error = reply.error();
    if (error.code == Errc::kDatabase || error.code == Errc::kCancelled)
      co_return std::unexpected(error);
    if (error.code == Errc::kInvalid && has_less_to_say(sent)) co_return Result<void>{};
    co_return end({.status = SessionStatus::kError,
                   .detail = model_detail(error.code),
                   .text = error.detail});
  }
  for (std::size_t i = 0; i < reply->message.calls.size(); ++i)
    reply->message.calls[i].id = call_id_of(number, i);
  TranscriptMessage entry{
      .message = std::move(reply->message), .usage = reply->usage, .at = deps_.clock.now()};
  if (reply->finish == Finish::kContentFilter && entry.message.calls.empty())
    entry.ending =
        Ending{SessionStatus::kError, "model-refused", "the provider's filter withheld the answer"};
  co_return transcript_->append(std::move(entry));
}

/// The window of the model the agent's turns begin with, in tokens, as far as it is known; 0: not at all.
std::uint64_t Session::window() const {
  const auto supports = deps_.router.first_supports(agent_.id);
  const std::uint64_t known = supports ? supports->context_tokens : 0;
  return known == 0 || (learnt_window_ > 0 && learnt_window_ < known) ? learnt_window_ : known;
}

/// Whether the conversation has come near the end of its window, and summing it up would help.
bool Session::wants_summary(const Request& request) const {
  const std::uint64_t room = window();
  const auto& messages = transcript_->messages();
  if (room == 0 || (not_summed_up_ > 0 && messages.size() < not_summed_up_ + kUntilNextTry)) return false;
  const std::size_t bytes = prompt_bytes(request);
  if ((estimate_tokens(bytes) + request.max_output_tokens) * 100 < room * kFullPercent) return false;
  const auto last = std::find_if(messages.rbegin(), messages.rend(), [](const auto& entry) { return entry.folds.has_value(); });
  const std::size_t point = fold_point(messages, kept_bytes(room));
  std::size_t folded = 0;
  for (std::size_t at = last == messages.rend() ? 2 : *last->folds; at < point; ++at)
    if (!messages[at].folds) folded += message_bytes(messages[at].message);
  return folded * 4 >= bytes;
}

/// Has the model sum up what came so far, and commits its words as what it will read from now on. When it
/// cannot, the conversation goes on with what shrink() leaves of it.
Task<Result<void>> Session::sum_up(Request request) {
  const std::size_t point = fold_point(transcript_->messages(), kept_bytes(window()));
  request.tools.clear();
  if (request.messages.back().role == Role::kUser)
    request.messages.back().content += "\n\n" + summary_question();
  else
    request.messages.push_back({.role = Role::kUser, .content = summary_question()});
  fit(request);
  auto reply = co_await ask_model(std::move(request), "s");
  if (!reply && (reply.error().code == Errc::kDatabase || reply.error().code == Errc::kCancelled))
    co_return std::unexpected(std::move(reply).error());
  if (!reply || reply->message.content.empty()) {
    LOG(kWarn, "session", "not summed up",
        {{"session", row_.id}, {"why", reply ? "the model wrote nothing" : reply.error().detail}});
    not_summed_up_ = transcript_->messages().size();
    co_return Result<void>{};
  }
  CO_TRY(const SessionFacts facts, facts_so_far());
  const std::string context = build_context(deps_.hooks.context({.session = row_.id, .tick = row_.tick, .agent = agent_.id}), context_bytes());
  LOG(kInfo, "session", "summed up", {{"session", row_.id}, {"messages", fmt::to_string(point)}});
  co_return transcript_->append({.message = {.role = Role::kUser,
                                             .content = summary_message(trigger_, context, reply->message.content, facts)},
                                 .usage = reply->usage,
                                 .ending = std::nullopt,
                                 .folds = point,
                                 .at = deps_.clock.now()});
}

Result<SessionFacts> Session::facts_so_far() {
  SessionFacts facts{.calls = transcript_->calls().size()};
  for (const CallRecord& record : transcript_->calls()) {
    const Tool* tool = deps_.tools.find(record.plan.tool);
    if (record.output.action || (tool && is_local_effect(tool->action()))) facts.acts.push_back(record);
  }
  if (deps_.tasks != nullptr) {
    TRY(const auto tasks, deps_.tasks->list(row_.id));
    for (const storage::TaskRow& task : tasks)
      if (!storage::is_final(task.state))
        facts.tasks.push_back(fmt::format("{} ({}): {}", task.id, task.agent, storage::name_of(task.state)));
  }
  TRY(facts.spent, deps_.budgets.spent_in_session(row_.id));
  return facts;
}

/// Makes the request fit the window, as far as that is known and can be done.
void Session::fit(Request& request) const {
  const std::uint64_t room = window();
  if (room == 0) return;
  const std::uint64_t for_prompt = room > request.max_output_tokens ? room - request.max_output_tokens : room / 2;
  const std::size_t fixed = prompt_bytes(request) - prompt_bytes(request.messages);
  const std::size_t most = for_prompt * kBytesPerToken;
  shrink(request.messages, most > fixed ? most - fixed : 0);
}

/// After a prompt of `sent` bytes proved too long: whether the next one is shorter. Half of it is aimed at.
bool Session::has_less_to_say(std::size_t sent) {
  learnt_window_ = estimate_tokens(sent) / 2 + agent_.max_output_tokens;
  Request next = next_request();
  if (wants_summary(next)) return true;
  say_aside(next);
  fit(next);
  return prompt_bytes(next) < sent;
}

/// What a session may be told of its surroundings: a quarter of its window.
std::size_t Session::context_bytes() const {
  const std::uint64_t room = window();
  return room == 0 ? kMaxContextBytes : std::min<std::size_t>(kMaxContextBytes, room * kBytesPerToken / 4);
}

std::uint32_t Session::turns() const {
  const auto& messages = transcript_->messages();
  return static_cast<std::uint32_t>(std::count_if(
      messages.begin(), messages.end(), [](const auto& entry) { return entry.message.role == Role::kAssistant; }));
}

std::optional<Ending> Session::exceeded_limit() const {
  const auto& calls = transcript_->calls();
  std::size_t turns = 0;
  std::size_t bytes = 0;
  for (const TranscriptMessage& entry : transcript_->messages()) {
    turns += entry.message.role == Role::kAssistant ? 1 : 0;
    bytes += entry.message.content.size();
    for (const ToolCall& call : entry.message.calls) bytes += call.arguments.size();
  }
  const auto stop = [](std::string detail, std::string text) {
    return Ending{SessionStatus::kPartial, std::move(detail), std::move(text)};
  };
  if (turns >= limits_.max_turns)
    return stop("limit-turns", fmt::format("{} model turns are used up", turns));
  if (calls.size() >= limits_.max_tool_calls)
    return stop("limit-calls", fmt::format("{} tool calls are used up", calls.size()));
  if (bytes > limits_.max_history_bytes)
    return stop("limit-history", fmt::format("the conversation has {} bytes", bytes));
  if (thought_ >= limits_.think_time) return stop("limit-time", "the time for thinking is used up");
  if (!calls.empty() && repetitions(calls) > limits_.max_same_calls)
    return stop("loop", "the model repeats one call: " + calls.back().plan.tool);
  if (trailing(calls, [](const CallRecord& c) {
        return c.output.outcome == ToolOutcome::kInvalid;
      }) >= limits_.max_invalid_calls)
    return stop("invalid-calls", "the model keeps making calls that cannot be understood");
  if (trailing(calls, [](const CallRecord& c) { return c.output.outcome != ToolOutcome::kOk; }) >=
      limits_.max_failed_calls)
    return stop("failed-calls", "one tool call after another failed");
  return std::nullopt;
}

std::vector<ToolSpec> Session::tool_specs() const {
  std::vector<ToolSpec> specs = deps_.tools.specs(agent_.permissions);
  if (agent_.tools.empty()) return specs;
  std::erase_if(specs, [&](const ToolSpec& spec) {
    return std::find(agent_.tools.begin(), agent_.tools.end(), spec.name) == agent_.tools.end();
  });
  return specs;
}

}  // namespace orchestration
