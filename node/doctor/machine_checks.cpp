// Trying locked memory, sandbox and backends.
#include "node/doctor/machine_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/minds.h"
#include "nostr/base/secret.h"
#include "nostr/net/http_client.h"
#include "orchestration/sandbox/sandbox.h"

namespace node {
namespace {

base::Task<void> check_backend(const MindsSite& site, BackendConfig config,
                               Findings& findings) {
  const std::string check = "backend " + config.id;
  const auto hint = [](const base::Error& error, std::string otherwise) {
    return error.hint.empty() ? std::move(otherwise) : error.hint;
  };
  const auto backend = build_backend(site, config);
  if (!backend) {
    findings.fail(check, backend.error().detail, hint(backend.error(), "set it where the node starts"));
    co_return;
  }
  const auto report = co_await (*backend)->probe();
  if (report)
    findings.ok(check, config.kind == "playbook" ? config.playbook.empty() ? "the built-in playbook" : config.playbook
                 : config.kind == "nip90"  ? report->detail
                                           : fmt::format("{} at {}: {}", report->model, config.base_url, report->detail));
  else if (report.error().code == base::Errc::kPeer)
    findings.warn(check, report.error().detail, "it may work all the same; try `sovereign backend test --ask`");
  else
    findings.fail(check, report.error().detail, hint(report.error(), "check base_url and whether the endpoint is up"));
}

}  // namespace

Findings check_memory() {
  Findings findings;
  base::Secret<32> probe;
  probe.expose_mutable()[0] = 1;
  const base::LockedMemory memory = base::locked_memory();
  if (memory.unlocked == 0)
    findings.ok("memory", "secrets stay out of swap and core dumps");
  else
    findings.warn("memory", "secrets cannot be locked, so they may reach the swap: " + memory.why,
                  "raise the limit: `ulimit -l` for this shell, LimitMEMLOCK= in a unit");
  return findings;
}

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

base::Task<Findings> check_backends(Runtime& runtime, const Home& home, const Config& config) {
  Findings findings;
  nostr::HttpClient http(runtime.loop);
  const MindsSite site{runtime.loop, http, runtime.clock, runtime.rng, home.database().parent_path()};
  for (const BackendConfig& backend : config.backends)
    if (backend.enabled) co_await check_backend(site, backend, findings);
  co_return findings;
}

}  // namespace node
