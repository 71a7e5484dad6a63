// Small questions, small answers.
#include "orchestration/llm/probe.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/suggest.h"
#include "orchestration/llm/ollama.h"
#include "orchestration/llm/reply_parts.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::size_t kMaxModels = 100;
constexpr std::size_t kMaxAnswer = 2u << 20;

Task<Result<Value>> ask(nostr::HttpClient& http, const ProbeTarget& target, std::string url, std::string body) {
  nostr::HttpCall call{.method = body.empty() ? "GET" : "POST",
                       .url = std::move(url),
                       .headers = {{"accept", "application/json"}},
                       .body = std::move(body),
                       .connect_timeout = target.timeout,
                       .total_timeout = target.timeout,
                       .max_body_bytes = kMaxAnswer};
  if (!call.body.empty()) call.headers.emplace_back("content-type", "application/json");
  if (!target.authorization.empty()) call.headers.emplace_back("authorization", target.authorization);
  const std::string asked = call.url;
  CO_TRY(const nostr::HttpReply reply, co_await http.perform(std::move(call)));
  if (reply.status == 401 || reply.status == 403)
    co_return fail(Errc::kDenied, fmt::format("{} answers {}", asked, reply.status),
                   "check the backend's api_key_file or api_key_env");
  if (reply.status == 503) co_return fail(Errc::kUnavailable, asked + " answers 503: it is loading or overloaded");
  if (reply.status == 404 || reply.status == 501)
    co_return fail(Errc::kUnsupported, fmt::format("{} answers {}", asked, reply.status));
  if (reply.status != 200) co_return fail(Errc::kPeer, fmt::format("{} answers {}", asked, reply.status));
  co_return parse_wire(reply.body);
}

/// Names in `list`, each under `key`.
std::vector<std::string> names_in(const Value* list, const char* key) {
  std::vector<std::string> out;
  if (!list || !list->is_array()) return out;
  for (const Value& item : *list) {
    if (out.size() >= kMaxModels) break;
    if (std::string name = text_of(member(item, key)); !name.empty()) out.push_back(std::move(name));
  }
  return out;
}

Result<void> choose(ProbeReport& report, std::string chosen, const std::string& wanted) {
  report.model = std::move(chosen);
  if (!report.model.empty()) return {};
  return fail(Errc::kNotFound, fmt::format("the server is there, the model \"{}\" is not", wanted),
              base::did_you_mean(wanted, report.models));
}

Task<Result<ProbeReport>> probe_models(nostr::HttpClient& http, ProbeTarget target) {
  ProbeReport report;
  auto answer = co_await ask(http, target, target.base_url + "/models", "");
  // Not every server lists its models; that it answers is enough then.
  if (!answer && answer.error().code == Errc::kUnsupported) {
    report.model = target.model;
    report.detail = "answers, and does not list its models";
    co_return report;
  }
  if (!answer) co_return std::unexpected(std::move(answer).error());
  report.models = names_in(member(*answer, "data"), "id");
  const bool listed = std::find(report.models.begin(), report.models.end(), target.model) != report.models.end();
  CO_TRY(choose(report, listed || report.models.empty() ? target.model : "", target.model));
  report.detail = fmt::format("answers, {} models", report.models.size());
  co_return report;
}

/// The largest "*.context_length" of /api/show.
std::uint64_t context_in(const Value& shown) {
  std::uint64_t out = 0;
  if (const Value* info = member(shown, "model_info"); info && info->is_object())
    for (const auto& [key, value] : info->items())
      if (key.ends_with(".context_length")) out = std::max(out, count_of(&value));
  return out;
}

Task<Result<ProbeReport>> probe_ollama(nostr::HttpClient& http, ProbeTarget target) {
  ProbeReport report;
  CO_TRY(const Value tags, co_await ask(http, target, target.base_url + "/api/tags", ""));
  report.models = names_in(member(tags, "models"), "name");
  CO_TRY(choose(report, ollama_model(target.model, report.models), target.model));
  Value question = {{"model", report.model}};
  CO_TRY(const Value shown,
         co_await ask(http, target, target.base_url + "/api/show", base::json::dump(question)));
  report.context_tokens = context_in(shown);
  if (const Value* can = member(shown, "capabilities"); can && can->is_array())
    report.tools = std::find(can->begin(), can->end(), Value("tools")) != can->end();
  report.detail = fmt::format("answers, {} models, window of {} at most", report.models.size(), report.context_tokens);
  co_return report;
}

Task<Result<ProbeReport>> probe_llama(nostr::HttpClient& http, ProbeTarget target) {
  std::string root = target.base_url;
  if (root.ends_with("/v1")) root.resize(root.size() - 3);
  CO_TRY(co_await ask(http, target, root + "/health", ""));
  CO_TRY(ProbeReport report, co_await probe_models(http, target));
  auto props = co_await ask(http, target, root + "/props", "");
  if (!props && props.error().code == Errc::kUnsupported) co_return report;  // switched off
  if (!props) co_return std::unexpected(std::move(props).error());
  if (const Value* settings = member(*props, "default_generation_settings"))
    report.context_tokens = count_of(member(*settings, "n_ctx"));
  if (const Value* caps = member(*props, "chat_template_caps"))
    if (const Value* tools = member(*caps, "supports_tools"); tools && tools->is_boolean())
      report.tools = tools->get<bool>();
  report.detail += fmt::format(", window of {}", report.context_tokens);
  co_return report;
}

}  // namespace

Task<Result<ProbeReport>> probe_server(nostr::HttpClient& http, ProbeTarget target) {
  switch (target.family) {
    case ServerFamily::kOpenAi:
      return probe_models(http, std::move(target));
    case ServerFamily::kOllama:
      return probe_ollama(http, std::move(target));
    case ServerFamily::kLlamaCpp:
      return probe_llama(http, std::move(target));
  }
  return probe_models(http, std::move(target));
}

}  // namespace orchestration
