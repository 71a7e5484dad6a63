// From configuration to backends.
#include "node/minds.h"

#include <algorithm>

#include "node/agent_config.h"
#include "nostr/nips/nip19.h"
#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/codex.h"
#include "orchestration/llm/dvm.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/llm/ollama.h"
#include "orchestration/llm/opencode.h"
#include "orchestration/llm/playbook.h"
#include "orchestration/llm/responses.h"
#include "orchestration/llm/text_tools.h"

namespace node {
namespace {

using base::Result;
using base::json::Value;
using orchestration::Backend;
using orchestration::Dialect;
using orchestration::ServerFamily;

bool holds(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::unique_ptr<Dialect> dialect_of(const BackendConfig& config) {
  if (config.kind == "responses") return std::make_unique<orchestration::ResponsesDialect>();
  if (config.kind == "ollama") return std::make_unique<orchestration::OllamaDialect>();
  return std::make_unique<orchestration::ChatDialect>(
      orchestration::ChatQuirks{.harmony = config.kind == "gpt-oss" || holds(config.quirks, "harmony"),
                                .think_tags = holds(config.quirks, "think-tags")});
}

ServerFamily family_of(const BackendConfig& config) {
  if (config.kind == "ollama") return ServerFamily::kOllama;
  if (config.kind == "llamacpp") return ServerFamily::kLlamaCpp;
  return ServerFamily::kOpenAi;
}

orchestration::Rates rates_of(const BackendConfig& config) {
  return {.in_per_1k = {config.rate_in_msat_per_1k},
          .cached_in_per_1k = {config.rate_cached_in_msat_per_1k.value_or(config.rate_in_msat_per_1k)},
          .out_per_1k = {config.rate_out_msat_per_1k}};
}

Result<orchestration::ApiKey> key_of(const BackendConfig& config) {
  if (!config.api_key_file.empty()) return orchestration::ApiKey::from_file(config.api_key_file);
  if (!config.api_key_env.empty()) return orchestration::ApiKey::from_env(config.api_key_env);
  return orchestration::ApiKey();
}

orchestration::Capabilities capabilities_of(const BackendConfig& config) {
  const bool external = is_external_agent(config) || config.kind == "nip90";  // they answer in text
  return {.tools = holds(config.quirks, "text-tools") || (!external && holds(config.supports, "tools")),
          .images = !external && holds(config.supports, "images"),
          .json = config.kind != "nip90" && holds(config.supports, "json"),
          .context_tokens = static_cast<std::uint64_t>(config.context_tokens)};
}

Result<std::unique_ptr<Backend>> build_playbook(const BackendConfig& config) {
  auto playbook = config.playbook.empty()
                      ? orchestration::Playbook::parse(orchestration::Playbook::builtin_text())
                      : orchestration::Playbook::load(config.playbook);
  if (!playbook) return std::unexpected(playbook.error());
  return std::make_unique<orchestration::PlaybookBackend>(config.id, *std::move(playbook));
}

Result<std::unique_ptr<Backend>> build_external_agent(const MindsSite& site, const BackendConfig& config) {
  orchestration::ExternalAgentOptions options{.id = config.id,
                                              .program = config.program,
                                              .model = config.model,
                                              .base_url = config.base_url,
                                              .folder = (site.folder / (config.kind + "-" + config.id)).string()};
  if (config.kind == "opencode") {
    TRY(std::unique_ptr<Backend> agent, orchestration::OpenCodeBackend::create(site.loop, site.http, site.rng, std::move(options)));
    return agent;
  }
  TRY(std::unique_ptr<Backend> agent, orchestration::CodexBackend::create(site.loop, std::move(options)));
  return agent;
}

Result<std::unique_ptr<Backend>> build_job_backend(const MindsSite& site, const BackendConfig& config) {
  TRY(const nostr::PublicKey provider, nostr::parse_public_key(config.provider));
  return std::make_unique<orchestration::DvmBackend>(
      site.jobs, orchestration::DvmOptions{.id = config.id,
                                           .model = config.model,
                                           .agent = site.spender,
                                           .provider = provider,
                                           .max_price = base::Msat{config.max_price_msat},
                                           .public_prompts = config.public_prompts,
                                           .legacy_encryption = holds(config.quirks, "nip04"),
                                           .relays = config.relays.empty() ? site.relays : config.relays,
                                           .timeout = config.timeout});
}

Value names_of(const orchestration::Capabilities& can) {
  Value out = Value::array();
  if (can.tools) out.push_back("tools");
  if (can.images) out.push_back("images");
  if (can.json) out.push_back("json");
  return out;
}

Result<std::unique_ptr<Backend>> build_http_backend(const MindsSite& site, const BackendConfig& config) {
  orchestration::HttpBackendOptions options{
      .id = config.id,
      .base_url = config.base_url,
      .wire = {.model = config.model,
               .context_tokens = static_cast<std::uint64_t>(config.context_tokens),
               .stream = !holds(config.quirks, "no-stream"),
               .stream_with_tools = !holds(config.quirks, "no-stream-with-tools"),
               .usage_in_stream = !holds(config.quirks, "no-stream-usage"),
               .json_schema = !holds(config.quirks, "no-json-schema"),
               .max_completion_tokens = holds(config.quirks, "max-completion-tokens"),
               .temperature = !holds(config.quirks, "no-temperature")},
      .rates = rates_of(config),
      .family = family_of(config),
      // A server of one's own is nobody's proxy: what it counts is what it read.
      .detect_cut_prompt = config.kind != "openai" && config.kind != "responses",
      .first_token_timeout = config.first_token_timeout,
      .idle_timeout = config.idle_timeout};
  TRY(options.api_key, key_of(config));
  TRY(std::unique_ptr<Backend> backend,
      orchestration::HttpBackend::create(site.http, site.clock, dialect_of(config), std::move(options)));
  return backend;
}

}  // namespace

Result<std::unique_ptr<Backend>> build_backend(const MindsSite& site, const BackendConfig& config) {
  if (config.kind == "playbook") return build_playbook(config);
  TRY(std::unique_ptr<Backend> backend, config.kind == "nip90"     ? build_job_backend(site, config)
                                        : is_external_agent(config) ? build_external_agent(site, config)
                                                                    : build_http_backend(site, config));
  if (!holds(config.quirks, "text-tools")) return backend;
  return std::make_unique<orchestration::TextToolsBackend>(std::move(backend), site.rng);
}

Result<Minds> Minds::build(const MindsSite& site, const Config& config) {
  Minds minds;
  minds.router_ = std::make_unique<orchestration::Router>();
  for (const BackendConfig& one : config.backends) {
    // What is switched off need not be complete: its key may be on another machine.
    if (!one.enabled) continue;
    TRY(std::unique_ptr<Backend> backend, build_backend(site, one));
    TRY(minds.router_->add({.backend = backend.get(),
                            .supports = capabilities_of(one),
                            .account = one.account,
                            .max_concurrency = static_cast<std::uint32_t>(one.max_concurrency),
                            .rpm = static_cast<std::uint32_t>(one.rpm),
                            .tpm = static_cast<std::uint64_t>(one.tpm),
                            .timeout = one.timeout}));
    minds.backends_.push_back(std::move(backend));
  }
  for (const RouteConfig& route : config.routes) {
    auto added = minds.router_->add_route({.agent = route.agent, .targets = route.targets});
    if (!added) return std::unexpected(base::in_context("routes." + route.agent, std::move(added).error()));
  }
  // Of routes that fit equally well the first counts, so this one comes last.
  TRY(minds.router_->add_route({.agent = "*", .targets = {config.agent.model}}));
  return minds;
}

Result<Value> Minds::view(const Config& config, storage::Budgets& budgets, base::UnixTime now) const {
  std::vector<orchestration::BackendView> live;
  std::vector<std::string> route;
  if (router_) {
    live = router_->view(std::chrono::steady_clock::now());
    route = router_->route_of(primary_id(config));
  }
  Value out = Value::array();
  for (const BackendConfig& one : config.backends) {
    const orchestration::Rates rates = rates_of(one);
    Value entry = {{"id", one.id},
                   {"kind", one.kind},
                   {"model", one.model},
                   {"base_url", one.base_url},
                   {"enabled", one.enabled},
                   {"supports", names_of(capabilities_of(one))},
                   {"context_tokens", one.context_tokens},
                   {"rate_in_msat_per_1k", rates.in_per_1k.value},
                   {"rate_cached_in_msat_per_1k", rates.cached_in_per_1k.value},
                   {"rate_out_msat_per_1k", rates.out_per_1k.value},
                   {"state", one.enabled ? "not running" : "disabled"}};
    const auto place = std::find(route.begin(), route.end(), one.id);
    if (place != route.end()) entry["place"] = place - route.begin() + 1;
    for (const orchestration::BackendView& seen : live) {
      if (seen.id != one.id) continue;
      entry["state"] = seen.state;
      entry["why"] = seen.why;
      entry["supports"] = names_of(seen.supports);
      entry["calls"] = seen.calls;
      entry["failures"] = seen.failures;
      entry["tokens_in"] = seen.used.prompt_tokens;
      entry["tokens_out"] = seen.used.completion_tokens;
    }
    TRY(const storage::BudgetTotals day, budgets.totals({.key = "backend:" + one.id, .limit = std::nullopt, .window = storage::Window::kDay}, now));
    entry["day_spent_msat"] = day.spent.value;
    entry["day_reserved_msat"] = day.reserved.value;
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace node
