#include "orchestration/programs/predict.h"

#include <fmt/format.h>

#include "nostr/base/bytes.h"
#include "nostr/base/log.h"
#include "orchestration/names.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::uint32_t kMostOutputTokens = 32'768;
constexpr Name<AnswerSource> kSources[] = {
    {AnswerSource::kModel, "model"}, {AnswerSource::kKept, "kept"}, {AnswerSource::kFallback, "fallback"}};

/// Takes the thinking out of the values.
Answer answer_of(Value values) {
  Answer out;
  out.reasoning = base::json::string_or(values, kReasoning);
  values.erase(std::string(kReasoning));
  out.values = std::move(values);
  return out;
}

void add(Usage& sum, const Usage& one) {
  sum.prompt_tokens += one.prompt_tokens;
  sum.cached_tokens += one.cached_tokens;
  sum.completion_tokens += one.completion_tokens;
  sum.estimated = sum.estimated || one.estimated;
}

std::string words_of_issues(const std::vector<FieldIssue>& issues) {
  std::string out;
  for (const FieldIssue& issue : issues) out += fmt::format("{}{} {}", out.empty() ? "" : "; ", issue.field, issue.what);
  return out;
}

}  // namespace

std::string_view answer_source_name(AnswerSource source) { return name_in(kSources, source); }

struct Runner::Asked {
  Program program;
  Value inputs;
  RunOptions options;
  std::string agent;

  const Signature& signature() const { return program.signature; }
  bool may_keep() const {
    return options.keep || (signature().cached && options.temperature && *options.temperature == 0);
  }
};

nostr::Sha256 answer_key(const Signature& signature, const Value& inputs, const std::string& backend,
                         const std::string& model, const RunOptions& options) {
  Value all = to_json(signature);
  all["asked"] = inputs;
  all["backend"] = backend;
  all["model"] = model;
  all["temperature"] = options.temperature ? Value(*options.temperature) : Value();
  all["seed"] = options.seed ? Value(*options.seed) : Value();
  all["advice"] = options.advice;
  return nostr::sha256(base::json::dump(all));
}

std::string Runner::fresh_suffix() {
  std::array<std::uint8_t, 6> bytes{};
  deps_.rng.fill(bytes);
  return base::hex_encode(bytes);
}

std::optional<Answer> Runner::kept(const Asked& asked) {
  if (!deps_.answers || !asked.may_keep()) return std::nullopt;
  const auto route = deps_.caller.router.route_of(asked.agent);
  if (route.empty()) return std::nullopt;
  const std::string model = deps_.caller.router.first_model(asked.agent);
  const auto row = deps_.answers->get(answer_key(asked.signature(), asked.inputs, route.front(), model, asked.options), deps_.clock.now());
  if (!row || !*row) return std::nullopt;
  auto stored = base::json::parse(**row, {.max_bytes = 4u << 20});
  Value values;
  // What was kept is judged like what is said: the row may be damaged.
  if (!stored || !fit_outputs(asked.signature(), *stored, values).empty()) return std::nullopt;
  Answer out = answer_of(std::move(values));
  out.source = AnswerSource::kKept;
  out.backend = route.front();
  out.model = model;
  return out;
}

void Runner::keep(const Asked& asked, const Answer& answer) {
  if (!deps_.answers || !asked.may_keep()) return;
  Value values = answer.values;
  if (!answer.reasoning.empty()) values[std::string(kReasoning)] = answer.reasoning;
  const auto key = answer_key(asked.signature(), asked.inputs, answer.backend, answer.model, asked.options);
  auto done = deps_.answers->put(key, asked.signature().id, base::json::dump(values), deps_.clock.now());
  if (!done) LOG(kWarn, "programs", "an answer is not kept", {{"error", done.error().detail}});
}

Result<void> Runner::check_allowance() const {
  if (turns_ >= allowance_.turns) return base::fail(Errc::kLimit, fmt::format("{} model calls were allowed", allowance_.turns));
  if (tokens_ >= allowance_.tokens) return base::fail(Errc::kLimit, fmt::format("{} tokens were allowed", allowance_.tokens));
  if (allowance_.until && std::chrono::steady_clock::now() >= *allowance_.until)
    return base::fail(Errc::kLimit, "the time allowed is over");
  return {};
}

Task<Result<Reply>> Runner::turn(Asked& asked, std::vector<Message> messages, const Rendered& rendered,
                                 std::uint32_t max_tokens, std::optional<double> temperature) {
  CO_TRY(check_allowance());
  ModelTurn turn{.session = origin_.session, .tick = origin_.tick, .agent = asked.agent, .turn = turns_++, .purpose = origin_.purpose, .request = {}, .budget = asked.options.patience};
  turn.request.messages = std::move(messages);
  turn.request.images = rendered.images;
  turn.request.answer_schema = rendered.schema;
  turn.request.max_output_tokens = max_tokens;
  turn.request.temperature = temperature;
  turn.request.seed = asked.options.seed;
  auto reply = co_await call_model(deps_.caller, std::move(turn));
  if (reply) tokens_ += reply->usage.prompt_tokens + reply->usage.completion_tokens;
  co_return reply;
}

Task<Result<Answer>> Runner::ask_model(Asked& asked) {
  const auto supports = deps_.caller.router.first_supports(asked.agent);
  if (!supports) co_return base::fail(Errc::kUnavailable, "no backend is on the route of " + asked.agent, "sovereign backend list");
  const RenderOptions form{.form = supports->json ? Form::kSchema : Form::kMarkers,
                           .suffix = fresh_suffix(),
                           .context_tokens = supports->context_tokens};
  Signature signature = asked.signature();
  if (!asked.options.advice.empty()) signature.instruction += "\n\n" + asked.options.advice;
  CO_TRY(Rendered rendered, render(signature, asked.inputs, form));
  std::vector<Message> messages = rendered.messages;
  std::uint32_t max_tokens = signature.max_output_tokens;
  std::uint32_t calls = 0, repairs = 0;
  bool enlarged = false;
  Usage usage;
  for (;;) {
    const bool last = repairs > 0 && repairs == asked.options.max_repairs;
    CO_TRY(const Reply reply, co_await turn(asked, messages, rendered, max_tokens, last ? std::optional<double>(0) : asked.options.temperature));
    ++calls;
    add(usage, reply.usage);
    Parsed parsed = parse_reply(signature, form, reply.message.content);
    if (parsed.issues.empty()) {
      Answer out = answer_of(std::move(parsed.values));
      out.backend = reply.backend;
      out.model = reply.model;
      out.calls = calls;
      out.usage = usage;
      co_return out;
    }
    if (reply.finish == Finish::kLength && !enlarged && max_tokens * 2 <= kMostOutputTokens) {
      // It was not wrong, only cut off.
      enlarged = true;
      max_tokens *= 2;
      continue;
    }
    if (reply.finish == Finish::kLength || repairs >= asked.options.max_repairs) {
      Answer out;
      out.calls = calls;
      out.usage = usage;
      out.issues = std::move(parsed.issues);
      co_return out;
    }
    ++repairs;
    // The list says what was wrong; the faulty answer itself would only be repeated.
    messages = rendered.messages;
    messages.push_back({.role = Role::kUser, .content = repair_request(parsed.issues, form)});
  }
}

Task<Result<Answer>> Runner::run(Program program, Value inputs, RunOptions options) {
  Asked asked{.program = std::move(program), .inputs = Value(), .options = std::move(options), .agent = ""};
  CO_TRY(asked.inputs, fit_inputs(asked.signature(), inputs));
  asked.agent = asked.options.agent.value_or(asked.signature().agent.empty() ? origin_.primary : asked.signature().agent);
  if (auto found = kept(asked)) co_return *std::move(found);
  auto answered = co_await ask_model(asked);
  if (answered && answered->issues.empty()) {
    keep(asked, *answered);
    if (on_answer) on_answer(asked.signature(), asked.inputs, *answered);
    co_return answered;
  }
  const base::Error error = answered ? base::Error{Errc::kPeer,
                                                   fmt::format("{} got no answer it can use in {} calls: {}", asked.signature().id,
                                                               answered->calls, words_of_issues(answered->issues)),
                                                   ""}
                                     : answered.error();
  if (!asked.program.fallback || !asked.options.fall_back) co_return std::unexpected(error);
  Value values;
  if (const auto issues = fit_outputs(asked.signature(), asked.program.fallback(asked.inputs), values); !issues.empty())
    co_return std::unexpected(error);
  Answer out = answered ? *answered : Answer{};
  out.values = std::move(values);
  out.source = AnswerSource::kFallback;
  out.why = error.detail;
  co_return out;
}

}  // namespace orchestration
