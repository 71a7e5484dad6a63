// signature list | show | run | eval | compile | rollback: the questions programs ask models, measured and improved.
#include <fmt/format.h>

#include "node/cli/flags.h"
#include "node/cli/signature_views.h"
#include "node/program_bench.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;
using namespace orchestration;

struct Asking {
  std::string id;
  std::string input = "-";
  std::string data;
  std::string metric;
  std::string root;
  std::string optimiser = "bootstrap";
  std::string teacher;
  bool rules = false;
  bool think = false;
  std::uint32_t best_of = 1;
  std::uint64_t seed = 1;
  std::optional<double> temperature;
  std::uint32_t max_calls = 500;
  std::uint64_t max_tokens = 2'000'000;
  std::optional<std::int64_t> max_msat;
  std::chrono::seconds max_time{1800};
};

/// The program in use, and a word on stderr when a saved one cannot be.
Result<ProgramShelf::Active> program_in_use(const Context& context, const std::string& id) {
  TRY(const Program* builtin, find_program(id));
  ProgramShelf::Active active = program_shelf(context.home()).active(*builtin);
  if (!active.problem.empty()) progress(context, fmt::format("{}: the built-in program is used: {}", id, active.problem));
  return active;
}

Result<std::unique_ptr<ProgramBench>> bench_for(const Context& context, const Asking& asking) {
  ProgramBench::Options options{.rules_only = asking.rules, .most = std::nullopt};
  if (asking.max_msat) options.most = base::Msat{*asking.max_msat};
  TRY(auto bench, ProgramBench::open(context.home(), options));
  bench->runner().allow({.turns = asking.max_calls,
                         .tokens = asking.max_tokens,
                         .until = std::chrono::steady_clock::now() + asking.max_time});
  return bench;
}

int list(const Context& context) {
  const ProgramShelf shelf = program_shelf(context.home());
  for (const Program& program : builtin_programs()) {
    const Value entry = signature_entry(program, shelf);
    if (context.json)
      print_json(entry);
    else
      print_foreign(fmt::format("{:<20} {:<10} {:<10} {}{}", program.signature.id,
                                program.signature.agent.empty() ? "(primary)" : program.signature.agent,
                                entry["active"].get<std::string>().substr(0, 10), program.about,
                                entry.contains("problem") ? "  ! " + entry["problem"].get<std::string>() : ""));
  }
  return kOk;
}

int show(const Context& context, const std::string& id) {
  const auto builtin = find_program(id);
  if (!builtin) return report(context, builtin.error());
  const ProgramShelf shelf = program_shelf(context.home());
  const ProgramShelf::Active active = shelf.active(**builtin);
  Value entry = signature_entry(**builtin, shelf);
  if (!context.json) {
    print_signature(active.program, entry);
    return kOk;
  }
  entry["signature"] = to_json(active.program.signature);
  entry["history"] = Value::array();
  if (const auto history = shelf.history(id))
    for (const nostr::Sha256& hash : *history) entry["history"].push_back(hash.hex());
  print_json(entry);
  return kOk;
}

Result<Value> read_inputs(const std::string& argument) {
  TRY(const std::string text, read_text(argument));
  auto parsed = base::json::parse(text, {.max_bytes = 24u << 20});
  if (!parsed) return std::unexpected(base::Error{parsed.error().code, "--input: " + parsed.error().detail, "--input '{\"field\": \"value\"}'"});
  return parsed;
}

int run(const Context& context, const Asking& asking) {
  const auto active = program_in_use(context, asking.id);
  if (!active) return report(context, active.error());
  const auto inputs = read_inputs(asking.input);
  if (!inputs) return report_usage(context, inputs.error());
  auto bench = bench_for(context, asking);
  if (!bench) return report(context, bench.error());
  Runner& runner = (*bench)->runner();
  auto module = asking.think ? chain_of_thought(runner, active->program) : predict(runner, active->program);
  if (asking.best_of > 1)
    module = best_of(std::move(module), [](const Value&, const Value& outputs) {
      return base::json::dump(outputs).size() > 2 ? outputs.value("confidence", 0.5) : 0.0;
    }, asking.best_of);
  RunOptions options;
  options.temperature = asking.temperature;
  if (asking.seed != 1) options.seed = asking.seed;
  const auto answer = (*bench)->loop().run_until_complete(module->run(*inputs, options));
  if (!answer) return report(context, answer.error());
  Value entry = answer_entry(*answer);
  entry["msat"] = (*bench)->spent().value;
  if (context.json) {
    print_json(entry);
    return kOk;
  }
  for (const Field& field : active->program.signature.outputs)
    if (const auto found = answer->values.find(field.name); found != answer->values.end())
      print_foreign(fmt::format("{}: {}", field.name, show_value(field, *found)));
  progress(context, fmt::format("answered by {}{}", answer_source_name(answer->source), answer->why.empty() ? "" : ": " + answer->why));
  return kOk;
}

struct Measuring {
  Program program;
  std::optional<nostr::Sha256> parent;
  Dataset data;
  Metric metric;
  std::string metric_name;
};

Result<Measuring> prepare(const Context& context, const Asking& asking) {
  TRY(const ProgramShelf::Active active, program_in_use(context, asking.id));
  const Signature& signature = active.program.signature;
  Measuring out{.program = active.program, .parent = active.hash, .data = {}, .metric = {}, .metric_name = asking.metric.empty() ? std::string(usual_metric(signature)) : asking.metric};
  TRY(out.metric, find_metric(out.metric_name, asking.root));
  TRY(const std::string text, read_input(asking.data, kMaxDatasetBytes));
  auto data = parse_dataset(signature, text);
  if (!data) return std::unexpected(base::in_context(asking.data, data.error()));
  out.data = *std::move(data);
  return out;
}

int eval(const Context& context, const Asking& asking) {
  const auto measuring = prepare(context, asking);
  if (!measuring) return report(context, measuring.error());
  auto bench = bench_for(context, asking);
  if (!bench) return report(context, bench.error());
  RunOptions options = measured(asking.seed);
  options.fall_back = asking.rules;
  const Evaluation made = (*bench)->loop().run_until_complete(
      evaluate((*bench)->runner(), measuring->program, measuring->data.examples, measuring->metric, options));
  Value entry = evaluation_entry(made, measuring->data.examples.size());
  entry["metric"] = measuring->metric_name;
  entry["calls"] = (*bench)->runner().turns();
  entry["tokens"] = (*bench)->runner().tokens();
  entry["msat"] = (*bench)->spent().value;
  if (context.json)
    print_json(entry);
  else
    print_line(fmt::format("{:.3f} by {} over {} examples; {} failed, {} by rule; {} calls, {} msat{}", made.mean, measuring->metric_name,
                           measuring->data.examples.size(), made.failed, made.by_rule, (*bench)->runner().turns(),
                           (*bench)->spent().value, made.stopped ? "; stopped at what was allowed" : ""));
  return made.stopped ? kPartial : kOk;
}

SavedProgram saved_from(const Measuring& measuring, const Asking& asking, const Optimised& made, std::string model) {
  return {.signature = made.better->id,
          .version = made.better->version,
          .fields = fields_hash(*made.better),
          .instruction = made.better->instruction,
          .demos = made.better->demos,
          .optimiser = asking.optimiser,
          .seed = asking.seed,
          .dataset = measuring.data.hash,
          .metric = measuring.metric_name,
          .before = made.before,
          .after = made.after,
          .examples = static_cast<std::uint32_t>(made.validation),
          .model = std::move(model),
          .created_at = base::SystemClock().now(),
          .parent = measuring.parent};
}

void print_search(const Value& entry) {
  for (const Value& trial : entry["trials"])
    print_foreign(fmt::format("  {:.3f}  {:>4} examples  {}", trial["score"].get<double>(), trial["examples"].get<std::size_t>(), trial["what"].get<std::string>()));
  if (entry["saved"].is_null())
    print_line("nothing changes: " + entry["why"].get<std::string>());
  else
    print_line(fmt::format("{:.3f} instead of {:.3f}: saved and in use as {}", entry["after"].get<double>(), entry["before"].get<double>(),
                           entry["saved"].get<std::string>()));
}

int compile(const Context& context, const Asking& asking) {
  const auto optimiser = parse_optimiser(asking.optimiser);
  if (!optimiser) return report_usage(context, optimiser.error());
  const auto measuring = prepare(context, asking);
  if (!measuring) return report(context, measuring.error());
  auto bench = bench_for(context, asking);
  if (!bench) return report(context, bench.error());
  OptimiseOptions options{.optimiser = *optimiser, .seed = asking.seed};
  if (!asking.teacher.empty()) options.teacher = asking.teacher;
  const auto made = (*bench)->loop().run_until_complete(
      optimise((*bench)->runner(), measuring->program, split(measuring->data.examples), measuring->metric, options));
  if (!made) return report(context, made.error());
  Value entry = optimised_entry(*made);
  entry["saved"] = nullptr;
  if (made->better) {
    ProgramShelf shelf = program_shelf(context.home());
    const auto hash = shelf.save(saved_from(*measuring, asking, *made, (*bench)->model_of(made->better->agent)));
    if (!hash) return report(context, hash.error());
    entry["saved"] = hash->hex();
  }
  entry["calls"] = (*bench)->runner().turns();
  entry["tokens"] = (*bench)->runner().tokens();
  entry["msat"] = (*bench)->spent().value;
  if (context.json)
    print_json(entry);
  else
    print_search(entry);
  return made->stopped ? kPartial : kOk;
}

int rollback(const Context& context, const std::string& id) {
  const auto builtin = find_program(id);
  if (!builtin) return report(context, builtin.error());
  ProgramShelf shelf = program_shelf(context.home());
  const auto now = shelf.rollback(id);
  if (!now) return report(context, now.error());
  const std::string active = *now ? (*now)->hex() : "builtin";
  if (context.json)
    print_json({{"id", id}, {"active", active}});
  else
    print_line(id + " uses " + active);
  return kOk;
}

void add_bounds(CLI::App& command, Asking& asking) {
  command.add_option("--max-calls", asking.max_calls, "Model calls at most")->capture_default_str();
  command.add_option("--max-tokens", asking.max_tokens, "Tokens at most, both ways")->capture_default_str();
  command.add_option("--max-msat", asking.max_msat, "Millisatoshi at most; else the budget of a tick")->check(CLI::NonNegativeNumber);
  add_duration(command, "--max-time", asking.max_time, "Time at most");
}

void add_data(CLI::App& command, Asking& asking) {
  command.add_option("id", asking.id, "Which program")->required();
  command.add_option("--data", asking.data, "Examples, a JSON object a line; - is stdin")->required();
  command.add_option("--metric", asking.metric, "match, valid, agent, places, sources or paths; else what suits the program");
  command.add_option("--root", asking.root, "Folder that places and paths are looked up in");
  command.add_option("--seed", asking.seed, "The same seed asks the same")->capture_default_str();
  add_bounds(command, asking);
}

}  // namespace

void add_signature_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* signature = app.add_subcommand("signature", "Questions to models with typed answers: ask, measure and improve them");
  signature->require_subcommand(1);

  auto* listing = signature->add_subcommand("list", "Every program, and whether the built-in or a compiled one is in use");
  listing->footer("Examples:\n  sovereign signature list\n  sovereign signature list --json");
  listing->callback([=, &context] { *chosen = [&context] { return list(context); }; });

  auto asking = std::make_shared<Asking>();
  auto* showing = signature->add_subcommand("show", "One program: its fields, instruction, demos and what it can go back to");
  showing->add_option("id", asking->id, "Which program")->required();
  showing->footer("Examples:\n  sovereign signature show delegation\n  sovereign signature show issue-selection --json");
  showing->callback([=, &context] { *chosen = [=, &context] { return show(context, asking->id); }; });

  auto* running = signature->add_subcommand("run", "Ask once");
  running->add_option("id", asking->id, "Which program")->required();
  running->add_option("--input", asking->input, "The inputs as one JSON object, @FILE, or - for stdin")->capture_default_str();
  running->add_flag("--rules", asking->rules, "Ask no model: the rule that stands in answers");
  running->add_flag("--think", asking->think, "The answer begins with its reasoning");
  running->add_option("--best-of", asking->best_of, "Ask so often; the surest answer counts")->check(CLI::Range(1, 16));
  running->add_option("--temperature", asking->temperature, "0 repeats itself, and keeps the answer for a week")->check(CLI::Range(0.0, 2.0));
  running->add_option("--seed", asking->seed, "For servers that can repeat themselves");
  add_bounds(*running, *asking);
  running->footer(
      "Who answered (model, kept, fallback) is in the JSON and on stderr.\n"
      "Examples:\n  sovereign signature run path-safety --rules --input '{\"path\": \"../x\"}'\n"
      "  echo '{\"task_description\": \"fix the css\", \"available_agents\": [\"frontend\"]}' | sovereign signature run delegation --rules --json");
  running->callback([=, &context] { *chosen = [=, &context] { return run(context, *asking); }; });

  auto* evaluating = signature->add_subcommand("eval", "Score a program over examples");
  add_data(*evaluating, *asking);
  evaluating->add_flag("--rules", asking->rules, "Score the rule that stands in; no model is asked");
  evaluating->footer(
      "An example that fails scores 0. Exit code 5: stopped at what was allowed; the same command goes on from there.\n"
      "Examples:\n  sovereign signature eval delegation --data examples.jsonl --rules\n"
      "  sovereign signature eval delegation --data examples.jsonl --rules --metric match --json");
  evaluating->callback([=, &context] { *chosen = [=, &context] { return eval(context, *asking); }; });

  auto* compiling = signature->add_subcommand("compile", "Look for demos or an instruction that score better, and use them");
  add_data(*compiling, *asking);
  compiling->add_option("--optimizer", asking->optimiser, "bootstrap (demos) or instructions")->capture_default_str();
  compiling->add_option("--teacher", asking->teacher, "Agent whose model gives the answers that become demos");
  compiling->footer(
      "A fifth of the examples is kept for comparing. What is found must be better by 0.02 over at least 30 of them, else\n"
      "nothing changes. Exit code 5: stopped at what was allowed; the same command goes on from there.\n"
      "Examples:\n  sovereign signature compile delegation --data examples.jsonl --max-calls 200 --seed 7\n"
      "  sovereign signature compile delegation --data examples.jsonl --optimizer instructions --max-msat 50000");
  compiling->callback([=, &context] { *chosen = [=, &context] { return compile(context, *asking); }; });

  auto* back = signature->add_subcommand("rollback", "Back to the program that was in use before");
  back->add_option("id", asking->id, "Which program")->required();
  back->footer("Examples:\n  sovereign signature rollback delegation --home agent");
  back->callback([=, &context] { *chosen = [=, &context] { return rollback(context, asking->id); }; });
}

}  // namespace node::cli
