#include "tests/orchestration/support/program_world.h"

#include "orchestration/llm/chat_completions.h"

namespace orchestration::testing {

using base::json::Value;

ProgramWorld::ProgramWorld(Value turns, bool json, SpendLimits limits) {
  db = storage::open_database(":memory:").value();
  budgets = std::make_unique<storage::Budgets>(*db);
  answers = std::make_unique<storage::Answers>(*db);
  CHECK(hooks.add(budget_gate(*db, clock, limits)).has_value());
  // A list of one entry written in braces is that entry.
  if (turns.is_object()) turns = Value::array({turns});
  server = model_server::ModelServer::listen(0, std::move(turns)).value();
  HttpBackendOptions options{.id = "local",
                             .base_url = server->base_url(),
                             .wire = {.model = "scripted"},
                             .rates = {.in_per_1k = base::Msat{1000}, .cached_in_per_1k = base::Msat{1000}, .out_per_1k = base::Msat{1000}}};
  backend = HttpBackend::create(http, clock, std::make_unique<ChatDialect>(), std::move(options)).value();
  Capabilities can;
  can.json = json;
  CHECK(router.add({.backend = backend.get(), .supports = can}).has_value());
  CHECK(router.add_route({.agent = "*", .targets = {"local"}}).has_value());
  runner = std::make_unique<Runner>(
      RunnerDeps{.caller = {.router = router, .hooks = hooks, .rng = rng, .retry = {.max_attempts = 1}}, .answers = answers.get(), .clock = clock, .rng = rng},
      Runner::Origin{.session = "programs-test", .tick = ""});
}

base::Result<Answer> ProgramWorld::run(const Program& program, Value inputs, RunOptions options) {
  return loop.run_until_complete(runner->run(program, std::move(inputs), std::move(options)));
}

base::Result<Answer> ProgramWorld::run(Module& module, Value inputs, RunOptions options) {
  return loop.run_until_complete(module.run(std::move(inputs), std::move(options)));
}

Value ProgramWorld::sent(std::size_t number) const {
  return base::json::parse(server->seen().at(number).body, {.max_bytes = 1u << 20}).value();
}

base::Msat ProgramWorld::spent() {
  return budgets->totals({.key = "session:programs-test", .limit = std::nullopt}, clock.now())->spent;
}

Value says(const Value& values) {
  return {{"text", base::json::dump(values)}, {"usage", {{"prompt_tokens", 1000}, {"completion_tokens", 1000}}}};
}

}  // namespace orchestration::testing
