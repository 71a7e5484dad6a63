#include "node/cli/signature_views.h"

#include <fmt/format.h>

namespace node::cli {

using base::json::Value;
using namespace orchestration;

namespace {

Value usage_entry(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens}, {"completion_tokens", usage.completion_tokens}, {"estimated", usage.estimated}};
}

void print_fields(const char* title, const std::vector<Field>& fields) {
  print_line(title);
  for (const Field& field : fields)
    print_line(fmt::format("  {:<22} {}{}: {}", field.name, describe_shape(field), field.required ? "" : ", optional", field.about));
}

}  // namespace

Value signature_entry(const Program& builtin, const ProgramShelf& shelf) {
  const ProgramShelf::Active active = shelf.active(builtin);
  Value out = {{"id", builtin.signature.id},
               {"version", builtin.signature.version},
               {"agent", builtin.signature.agent},
               {"about", builtin.about},
               {"rule", static_cast<bool>(builtin.fallback)},
               {"demos", active.program.signature.demos.size()},
               {"active", active.hash ? active.hash->hex() : "builtin"}};
  if (!active.problem.empty()) out["problem"] = active.problem;
  return out;
}

Value answer_entry(const Answer& answer) {
  Value out = {{"outputs", answer.values}, {"source", answer_source_name(answer.source)}, {"calls", answer.calls}, {"usage", usage_entry(answer.usage)}};
  if (!answer.model.empty()) out["model"] = answer.model;
  if (!answer.reasoning.empty()) out["reasoning"] = answer.reasoning;
  if (!answer.why.empty()) out["why"] = answer.why;
  return out;
}

Value evaluation_entry(const Evaluation& made, std::size_t asked) {
  Value rows = Value::array();
  for (const Scored& row : made.rows) {
    Value one = {{"score", row.score}, {"source", answer_source_name(row.source)}};
    if (!row.error.empty()) one["error"] = row.error;
    rows.push_back(std::move(one));
  }
  return {{"score", made.mean}, {"examples", asked}, {"asked", made.rows.size()}, {"failed", made.failed},
          {"by_rule", made.by_rule}, {"stopped", made.stopped}, {"rows", std::move(rows)}};
}

Value optimised_entry(const Optimised& made) {
  Value trials = Value::array();
  for (const Trial& trial : made.trials) trials.push_back({{"what", trial.what}, {"score", trial.score}, {"examples", trial.examples}});
  return {{"before", made.before}, {"after", made.after}, {"validation", made.validation}, {"stopped", made.stopped},
          {"why", made.why}, {"trials", std::move(trials)}};
}

void print_signature(const Program& program, const Value& entry) {
  print_line(fmt::format("{}  version {}, {}", program.signature.id, program.signature.version, program.about));
  print_line("active  " + entry["active"].get<std::string>());
  if (entry.contains("problem")) print_foreign("problem " + entry["problem"].get<std::string>());
  print_line(fmt::format("without a model  {}", program.fallback ? "a rule answers" : "no answer"));
  print_fields("inputs", program.signature.inputs);
  print_fields("outputs", program.signature.outputs);
  print_line("instruction");
  print_foreign("  " + program.signature.instruction);
  print_line(fmt::format("demos   {}", program.signature.demos.size()));
}

}  // namespace node::cli
