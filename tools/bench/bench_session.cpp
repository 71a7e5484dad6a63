// What the session machinery costs around one tool call: twelve hooks at every point, no I/O.
// The median over rounds of wall time per call; one JSON object a line.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include <fmt/core.h>

#include "orchestration/hooks/standing_hooks.h"
#include "orchestration/hooks/tool_hooks.h"
#include "tools/bench/figure.h"

namespace {

using namespace orchestration;  // a program of its own: nothing includes this file

constexpr int kRounds = 15;
constexpr int kIterations = 2000;

void must(base::Result<void> result) {
  if (result) return;
  fmt::print(stderr, "bench_session: {}\n", result.error().detail);
  std::exit(1);
}

/// A record keeper of the kind most hooks are: it counts something about the call.
Hook counter(int number, std::size_t& sum) {
  Hook hook{.name = fmt::format("count-{}", number), .priority = number};
  hook.mutate_tool = [&sum](ToolInvocation& call) { sum += call.tool.size(); };
  hook.decide_tool = [&sum](const ToolInvocation& call) {
    sum += call.call_id.size();
    return Decision{};
  };
  hook.reserve_tool = [&sum](const ToolInvocation&) -> base::Result<void> {
    ++sum;
    return {};
  };
  hook.observe_tool = [&sum](const ToolInvocation&, const ToolOutput& output) {
    sum += output.content.size();
  };
  return hook;
}

}  // namespace

int main() {
  HookChain chain;
  std::size_t sum = 0;
  const AutonomyRules rules{.level = Level::kBounded};
  must(chain.add(permission_gate(Permissions{}, {.denied_tools = {"bash"}})));
  must(chain.add(autonomy_gate(rules)));
  must(chain.add(pause_gate([] { return std::optional<std::string>(); })));
  must(chain.add(taint_gate(risky_when_tainted())));
  const base::SystemClock clock;
  must(chain.add(output_truncator(nullptr, clock)));
  must(chain.add(tool_logger()));
  for (int i = 0; i < 6; ++i) must(chain.add(counter(i, sum)));

  const base::json::Value params = {{"content", "a reply of usual length, as models write them"},
                                    {"event_id", std::string(64, 'a')}};
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kIterations; ++i) {
      ToolInvocation call{.session = "sess-0123456789abcdef",
                          .agent = "agent",
                          .call_id = "c00010002",
                          .tool = "reply",
                          .params = params,
                          .capability = Capability::kSign,
                          .action = ActionClass::kReply,
                          .sign_kind = nostr::kinds::kTextNote};
      chain.mutate(call);
      call.canonical = base::json::canonical(call.params).value_or("");
      const Ruling ruling = chain.decide(call);
      must(chain.reserve(call));
      ToolOutput output{.content = "Done."};
      chain.after(call, output);
      sum += static_cast<std::size_t>(ruling.verdict) + output.content.size();
    }
    const std::chrono::duration<double, std::micro> spent =
        std::chrono::steady_clock::now() - start;
    rounds.push_back(spent.count() / kIterations);
  }
  std::sort(rounds.begin(), rounds.end());
  bench::figure("hooks_around_tool_call", rounds[rounds.size() / 2], "us", "15");
  return sum == 0 ? 1 : 0;
}
