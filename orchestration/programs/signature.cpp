// Checks that hold for every signature, whoever wrote it.
#include "orchestration/programs/signature.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "orchestration/envelope.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::size_t kMaxDemos = 32;
constexpr std::size_t kMaxAttachment = 16u << 20;

Result<void> check_field(const Field& field, std::set<std::string>& names) {
  if (!is_field_name(field.name)) return fail(Errc::kInvalid, fmt::format("field name \"{}\" is none", field.name));
  if (!names.insert(field.name).second) return fail(Errc::kInvalid, "field " + field.name + " stands there twice");
  if (field.shape == Shape::kChoice && field.choices.empty())
    return fail(Errc::kInvalid, "field " + field.name + " has nothing to choose from");
  return {};
}

Result<Value> fit_input(const Field& field, const Value& value) {
  if (field.shape == Shape::kAttachment) {
    TRY(Value picture, read_json(field, value));
    if (picture["base64"].get_ref<const std::string&>().size() > kMaxAttachment)
      return fail(Errc::kLimit, "is over 16 MiB");
    return picture;
  }
  const bool text = field.shape == Shape::kText || field.shape == Shape::kMarkdown;
  if (text && value.is_string() && value.get_ref<const std::string&>().size() > field.max_bytes) {
    const std::string& whole = value.get_ref<const std::string&>();
    return Value(fmt::format("{}\n(cut: {} of {} bytes)", cut_utf8(whole, field.max_bytes), field.max_bytes,
                             whole.size()));
  }
  return read_json(field, value);
}

Value specs_of(const std::vector<Field>& fields) {
  Value out = Value::array();
  for (const Field& field : fields) out.push_back(spec_of(field));
  return out;
}

Result<void> check_known(const std::vector<Field>& fields, const Value& values) {
  for (const auto& [name, value] : values.items())
    if (std::ranges::none_of(fields, [&](const Field& field) { return field.name == name; }))
      return fail(Errc::kInvalid, fmt::format("\"{}\" is no field", name.substr(0, 64)));
  return {};
}

}  // namespace

Result<void> check(const Signature& signature) {
  std::set<std::string> names;
  for (const Field& field : signature.inputs) TRY(check_field(field, names));
  for (const Field& field : signature.outputs) {
    TRY(check_field(field, names));
    if (field.shape == Shape::kAttachment) return fail(Errc::kInvalid, "field " + field.name + ": no model answers in pictures");
  }
  if (signature.outputs.empty()) return fail(Errc::kInvalid, "a signature without outputs asks for nothing");
  if (signature.instruction.empty() || signature.instruction.size() > kMaxInstruction)
    return fail(Errc::kInvalid, fmt::format("the instruction is {} bytes, limit is {}", signature.instruction.size(), kMaxInstruction));
  if (signature.demos.size() > kMaxDemos) return fail(Errc::kInvalid, fmt::format("over {} demos", kMaxDemos));
  for (std::size_t i = 0; i < signature.demos.size(); ++i) {
    const Demo& demo = signature.demos[i];
    auto inputs = fit_inputs(signature, demo.inputs);
    if (!inputs) return std::unexpected(base::in_context(fmt::format("demo {}", i + 1), inputs.error()));
    Value outputs;
    if (const auto issues = fit_outputs(signature, demo.outputs, outputs); !issues.empty())
      return fail(Errc::kInvalid, fmt::format("demo {}: {} {}", i + 1, issues.front().field, issues.front().what));
  }
  return {};
}

Signature with_reasoning(Signature signature) {
  if (!signature.outputs.empty() && signature.outputs.front().name == kReasoning) return signature;
  Field field{.name = std::string(kReasoning), .about = "the steps that lead to the answer, briefly", .max_bytes = 4096};
  signature.outputs.insert(signature.outputs.begin(), std::move(field));
  // A demo without its steps teaches to leave them out.
  std::erase_if(signature.demos, [](const Demo& demo) { return !demo.outputs.contains(kReasoning); });
  return signature;
}

Result<Value> fit_inputs(const Signature& signature, const Value& inputs) {
  if (!inputs.is_object()) return fail(Errc::kInvalid, "the inputs are no object");
  TRY(check_known(signature.inputs, inputs));
  Value out = Value::object();
  for (const Field& field : signature.inputs) {
    const auto found = inputs.find(field.name);
    if (found == inputs.end() || found->is_null()) {
      if (field.required) return fail(Errc::kInvalid, "input " + field.name + " is missing", field.about);
      continue;
    }
    auto fitted = fit_input(field, *found);
    if (!fitted) return std::unexpected(base::Error{fitted.error().code, "input " + field.name + " " + fitted.error().detail, field.about});
    out[field.name] = *std::move(fitted);
  }
  return out;
}

std::vector<FieldIssue> fit_outputs(const Signature& signature, const Value& raw, Value& out) {
  std::vector<FieldIssue> issues;
  out = Value::object();
  if (!raw.is_object()) return {{"answer", "is no object"}};
  for (const auto& [name, value] : raw.items())
    if (std::ranges::none_of(signature.outputs, [&](const Field& field) { return field.name == name; }))
      issues.push_back({std::string(cut_utf8(name, 64)), "was not asked for"});
  for (const Field& field : signature.outputs) {
    const auto found = raw.find(field.name);
    if (found == raw.end() || found->is_null()) {
      if (field.required) issues.push_back({field.name, "is missing"});
      continue;
    }
    auto value = read_json(field, *found);
    if (!value)
      issues.push_back({field.name, value.error().detail});
    else if (field.required && is_blank(*value))
      issues.push_back({field.name, "is empty"});
    else
      out[field.name] = *std::move(value);
  }
  return issues;
}

nostr::Sha256 fields_hash(const Signature& signature) {
  return nostr::sha256(base::json::dump({{"id", signature.id},
                                         {"version", signature.version},
                                         {"inputs", specs_of(signature.inputs)},
                                         {"outputs", specs_of(signature.outputs)}}));
}

Value to_json(const Signature& signature) {
  Value demos = Value::array();
  for (const Demo& demo : signature.demos) demos.push_back({{"inputs", demo.inputs}, {"outputs", demo.outputs}});
  return {{"id", signature.id},
          {"version", signature.version},
          {"agent", signature.agent},
          {"instruction", signature.instruction},
          {"inputs", specs_of(signature.inputs)},
          {"outputs", specs_of(signature.outputs)},
          {"demos", std::move(demos)},
          {"max_output_tokens", signature.max_output_tokens}};
}

}  // namespace orchestration
