// What the session machinery costs around one tool call: twelve built-in hooks, no I/O.
// The median over rounds of wall time per call; one JSON object a line.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include <fmt/core.h>

#include "orchestration/hooks/context_hooks.h"
#include "orchestration/hooks/notice_hook.h"
#include "orchestration/hooks/pace_hook.h"
#include "orchestration/hooks/standing_hooks.h"
#include "orchestration/hooks/tool_hooks.h"
#include "orchestration/marketplace/skill_use.h"
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

}  // namespace

int main() {
  // What every node has, but for what asks a database.
  HookChain chain;
  std::size_t sum = 0;
  const base::SystemClock clock;
  PaceBook pace;
  SkillBench skills;
  const auto quiet = parse_quiet_hours("22:00-07:00");
  must(quiet ? base::Result<void>{} : std::unexpected(quiet.error()));
  must(chain.add(permission_gate(Permissions{}, {.denied_tools = {"bash"}})));
  must(chain.add(autonomy_gate({.level = Level::kBounded})));
  must(chain.add(pause_gate([] { return std::optional<std::string>(); })));
  must(chain.add(taint_gate(risky_when_tainted())));
  must(chain.add(quiet_hours_gate(*quiet, clock)));
  must(chain.add(skill_gate(skills)));
  must(chain.add(output_truncator(nullptr, clock)));
  must(chain.add(tool_logger()));
  must(chain.add(pace.hook()));
  must(chain.add(context_file_hook("/nonexistent")));
  must(chain.add(folder_file_hook("/nonexistent")));
  must(chain.add(notice_hook(clock, [&sum](const std::string& text) { sum += text.size(); })));
  must(chain.names().size() == 12 ? base::Result<void>{} : base::fail(base::Errc::kInternal, "not twelve"));

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
