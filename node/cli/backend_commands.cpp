// backend list | test: who thinks for this home, how they are, and whether they would answer.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/agent_config.h"
#include "node/cli/command.h"
#include "node/control.h"
#include "node/minds.h"
#include "orchestration/hooks/spend_hooks.h"
#include "orchestration/llm/caller.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::chrono::seconds kAnswerPatience{120};

struct TestArguments {
  std::vector<std::string> ids;
  bool ask = false;
};

/// From the running process, or, when none runs, from configuration and database.
Result<Value> read_backends(const Home& home) {
  auto answer = control_call(home.control_socket(), "backends", Value::object(), kControlPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  TRY(const Config config, load_config(home));
  std::error_code error;
  const bool known = std::filesystem::exists(home.database(), error);
  TRY(const auto db, storage::open_database(known ? home.database().string() : ":memory:"));
  storage::Budgets budgets(*db);
  return Minds().view(config, budgets, base::SystemClock().now());
}

std::string names_in(const Value& list) {
  return fmt::format("{}", fmt::join(list.get<std::vector<std::string>>(), " "));
}

void print_backend(const Value& backend) {
  using base::json::int_or;
  using base::json::string_or;
  const std::int64_t place = int_or(backend, "place");
  print_foreign(fmt::format("{:<3} {:<16} {:<11} {:<12} {}  {}", place > 0 ? std::to_string(place) + "." : "",
                            string_or(backend, "id"), string_or(backend, "kind"), string_or(backend, "state"),
                            string_or(backend, "model"), string_or(backend, "base_url")));
  print_foreign(fmt::format("    {}; {}/{} msat per 1000 tokens in/out; {} msat spent today; {} calls, {} failed{}",
                            names_in(backend.at("supports")), int_or(backend, "rate_in_msat_per_1k"),
                            int_or(backend, "rate_out_msat_per_1k"), int_or(backend, "day_spent_msat"),
                            int_or(backend, "calls"), int_or(backend, "failures"),
                            string_or(backend, "why").empty() ? "" : "; " + string_or(backend, "why")));
}

int list(const Context& context) {
  auto answer = read_backends(context.home());
  if (!answer) return report(context, answer.error());
  for (const Value& backend : *answer) {
    if (context.json)
      print_json(backend);
    else
      print_backend(backend);
  }
  return kOk;
}

/// What testing needs; members die in reverse.
struct Bench {
  base::SystemClock clock;
  base::SystemRng rng;
  base::Loop loop;
  nostr::HttpClient http{loop};
};

/// One question that costs what it costs: reserved and settled like any other.
Task<Result<std::string>> ask_one(Bench& bench, const Home& home, const Config& config, orchestration::Backend& backend) {
  CO_TRY(home.ensure());
  CO_TRY(const auto db, storage::open_database(home.database().string()));
  orchestration::HookChain hooks;
  CO_TRY(hooks.add(orchestration::budget_gate(*db, bench.clock, {.node_daily = config.budget.per_day,
                                                               .session = config.budget.per_tick,
                                                               .tick = config.budget.per_tick})));
  orchestration::Router router(backend);
  orchestration::ModelTurn turn{.session = fmt::format("backend-test-{}", bench.rng.below(1ull << 48)),
                                .tick = "",
                                .agent = primary_id(config),
                                .turn = 0,
                                .request = {},
                                .budget = kAnswerPatience};
  turn.request.messages = {{.role = orchestration::Role::kUser, .content = "Answer with the one word: ready"}};
  turn.request.max_output_tokens = 256;
  CO_TRY(const orchestration::Reply reply,
         co_await orchestration::call_model(
             {.router = router, .hooks = hooks, .rng = bench.rng, .retry = {.max_attempts = 1}}, std::move(turn)));
  co_return reply.message.content.substr(0, 200);
}

Task<Value> test_one(Bench& bench, const Home& home, const Config& config, const BackendConfig& one, bool ask) {
  const auto start = std::chrono::steady_clock::now();
  Value out = {{"id", one.id}, {"kind", one.kind}, {"ok", false}};
  const auto failed = [&](const base::Error& error) {
    out["error"] = error.detail;
    if (!error.hint.empty()) out["hint"] = error.hint;
    return out;
  };
  auto backend = build_backend({bench.loop, bench.http, bench.clock, bench.rng, home.database().parent_path()}, one);
  if (!backend) co_return failed(backend.error());
  auto probed = co_await (*backend)->probe();
  if (!probed) co_return failed(probed.error());
  out["model"] = probed->model;
  out["detail"] = probed->detail;
  if (probed->context_tokens > 0) out["context_tokens"] = probed->context_tokens;
  if (probed->tools) out["tools"] = *probed->tools;
  if (ask) {
    auto said = co_await ask_one(bench, home, config, **backend);
    if (!said) co_return failed(said.error());
    out["answer"] = *said;
  }
  out["ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
  out["ok"] = true;
  co_return out;
}

void print_outcome(const Value& outcome) {
  using base::json::string_or;
  if (outcome.value("ok", false)) {
    print_foreign(fmt::format("ok      {:<16} {}  {}  {} ms{}", string_or(outcome, "id"), string_or(outcome, "model"),
                              string_or(outcome, "detail"), base::json::int_or(outcome, "ms"),
                              outcome.contains("answer") ? "  says: " + string_or(outcome, "answer") : ""));
    return;
  }
  const std::string hint = string_or(outcome, "hint");
  print_foreign(fmt::format("failed  {:<16} {}{}", string_or(outcome, "id"), string_or(outcome, "error"),
                            hint.empty() ? "" : " (" + hint + ")"));
}

int test(const Context& context, const TestArguments& arguments) {
  const Home home = context.home();
  const auto config = load_config(home);
  if (!config) return report(context, config.error());
  for (const std::string& id : arguments.ids)
    if (std::none_of(config->backends.begin(), config->backends.end(), [&](const auto& b) { return b.id == id; }))
      return report(context, {Errc::kNotFound, fmt::format("no backend is called \"{}\"", id), "sovereign backend list"});
  Bench bench;
  std::size_t tested = 0, failed = 0;
  for (const BackendConfig& one : config->backends) {
    const bool named = std::find(arguments.ids.begin(), arguments.ids.end(), one.id) != arguments.ids.end();
    if (arguments.ids.empty() ? !one.enabled : !named) continue;
    const Value outcome = bench.loop.run_until_complete(test_one(bench, home, *config, one, arguments.ask));
    ++tested;
    if (!outcome.value("ok", false)) ++failed;
    if (context.json)
      print_json(outcome);
    else
      print_outcome(outcome);
  }
  if (failed == 0) return kOk;
  return failed == tested ? kFailed : kPartial;
}

}  // namespace

void add_backend_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* backend = app.add_subcommand("backend", "The models that think for this home");
  backend->require_subcommand(1);
  auto* listing = backend->add_subcommand("list", "Every backend: its place on the agent's route, health and cost");
  listing->footer(
      "Examples:\n  sovereign backend list --home agent\n"
      "  sovereign backend list --home agent --json");
  listing->callback([=, &context] { *chosen = [&context] { return list(context); }; });

  auto arguments = std::make_shared<TestArguments>();
  auto* testing = backend->add_subcommand("test", "Ask each server whether it is there and has the model");
  testing->add_option("id", arguments->ids, "Only these backends");
  testing->add_flag("--ask", arguments->ask,
                    "Also ask the model one short question, which costs; not while the node runs");
  testing->footer(
      "Exit code 5: some failed; 1: all did.\n"
      "Examples:\n  sovereign backend test --home agent\n"
      "  sovereign backend test default --home agent --ask --json");
  testing->callback([=, &context] { *chosen = [=, &context] { return test(context, *arguments); }; });
}

}  // namespace node::cli
