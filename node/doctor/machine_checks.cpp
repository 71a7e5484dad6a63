// Trying sandbox and backends.
#include "node/doctor/machine_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nostr/net/http_client.h"
#include "orchestration/llm/api_key.h"
#include "orchestration/llm/playbook.h"
#include "orchestration/sandbox/sandbox.h"

namespace node {
namespace {

using base::Result;
using base::json::Value;

constexpr std::size_t kMaxModelList = 4u << 20;

void check_playbook(const BackendConfig& backend, Findings& findings) {
  const std::string check = "backend " + backend.id;
  if (backend.playbook.empty()) {
    findings.ok(check, "the built-in playbook");
    return;
  }
  const auto playbook = orchestration::Playbook::load(backend.playbook);
  if (playbook)
    findings.ok(check, backend.playbook);
  else
    findings.fail(check, playbook.error().detail, playbook.error().hint);
}

Result<orchestration::ApiKey> key_of(const BackendConfig& backend) {
  if (!backend.api_key_file.empty()) return orchestration::ApiKey::from_file(backend.api_key_file);
  if (!backend.api_key_env.empty()) return orchestration::ApiKey::from_env(backend.api_key_env);
  return orchestration::ApiKey{};
}

/// Whether a list of models names `model`; an endpoint that tells no list is believed.
bool lists(const std::string& body, const std::string& model) {
  const auto answer = base::json::parse(body, {.max_bytes = kMaxModelList});
  if (!answer || !answer->contains("data") || !answer->at("data").is_array()) return true;
  for (const Value& entry : answer->at("data"))
    if (base::json::string_or(entry, "id") == model) return true;
  return false;
}

base::Task<void> check_endpoint(nostr::HttpClient& http, BackendConfig backend, Findings& findings) {
  const std::string check = "backend " + backend.id;
  const auto key = key_of(backend);
  if (!key) {
    findings.fail(check, key.error().detail, key.error().hint.empty() ? "set it where the node starts" : key.error().hint);
    co_return;
  }
  nostr::HttpCall call{.url = backend.base_url + "/models",
                       .total_timeout = std::chrono::seconds{20},
                       .max_body_bytes = kMaxModelList};
  if (!key->empty()) call.headers.emplace_back("Authorization", "Bearer " + key->expose());
  const auto reply = co_await http.perform(std::move(call));
  if (!reply)
    findings.fail(check, reply.error().detail, "check base_url and whether the endpoint is up");
  else if (reply->status == 401 || reply->status == 403)
    findings.fail(check, fmt::format("{} refuses the key ({})", backend.base_url, reply->status),
                  "check api_key_file or api_key_env");
  else if (reply->status / 100 != 2)
    findings.warn(check, fmt::format("{} answers {} when asked for its models", backend.base_url,
                                     reply->status),
                  "it may work all the same; try `sovereign run --once`");
  else if (!lists(reply->body, backend.model))
    findings.fail(check, fmt::format("{} does not have {}", backend.base_url, backend.model),
                  "name one that it has as `model`");
  else
    findings.ok(check, fmt::format("{} at {}", backend.model, backend.base_url));
}

}  // namespace

base::Task<Findings> check_sandbox(Runtime& runtime, const Config& config) {
  Findings findings;
  const auto wall = orchestration::parse_wall(config.tools.sandbox);
  if (!wall) {
    findings.fail("sandbox", wall.error().detail, wall.error().hint);
    co_return findings;
  }
  orchestration::Sandbox sandbox(runtime.loop, {.wall = *wall});
  const auto report = co_await sandbox.probe();
  if (!report)
    findings.fail("sandbox", report.error().detail, report.error().hint);
  else if (*wall == orchestration::Wall::kNone)
    findings.warn("sandbox", "none: tools can do what the node can do", "[tools] sandbox = \"bubblewrap\"");
  else if (!report->missing.empty())
    findings.warn("sandbox", fmt::format("{} stands, without: {}", config.tools.sandbox,
                                         fmt::join(report->missing, ", ")),
                  "[tools] sandbox = \"bubblewrap\" keeps more apart");
  else
    findings.ok("sandbox", fmt::format("{} stands: {}", config.tools.sandbox,
                                       fmt::join(report->enforced, ", ")));
  co_return findings;
}

base::Task<Findings> check_backends(Runtime& runtime, const Config& config) {
  Findings findings;
  nostr::HttpClient http(runtime.loop);
  for (const BackendConfig& backend : config.backends) {
    if (backend.kind == "playbook")
      check_playbook(backend, findings);
    else
      co_await check_endpoint(http, backend, findings);
  }
  co_return findings;
}

}  // namespace node
