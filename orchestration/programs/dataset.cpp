#include "orchestration/programs/dataset.h"

#include <algorithm>

#include <fmt/format.h>

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

Result<Value> known_outputs(const Signature& signature, const Value& raw) {
  if (!raw.is_object()) return fail(Errc::kInvalid, "outputs is no object");
  Value out = Value::object();
  for (const auto& [name, value] : raw.items()) {
    const auto field = std::ranges::find_if(signature.outputs, [&](const Field& one) { return one.name == name; });
    if (field == signature.outputs.end()) return fail(Errc::kInvalid, fmt::format("\"{}\" is no output", name.substr(0, 64)));
    auto read = read_json(*field, value);
    if (!read) return fail(Errc::kInvalid, name + " " + read.error().detail);
    out[name] = *std::move(read);
  }
  return out;
}

Result<Example> parse_line(const Signature& signature, std::string_view line) {
  TRY(const Value value, base::json::parse(line, {.max_bytes = 24u << 20}));
  TRY(const Value inputs, base::json::get_object(value, "inputs"));
  Example out;
  TRY(out.inputs, fit_inputs(signature, inputs));
  if (value.contains("outputs")) {
    TRY(out.outputs, known_outputs(signature, value["outputs"]));
  }
  out.source = base::json::string_or(value, "source");
  out.ts = base::json::int_or(value, "ts");
  return out;
}

}  // namespace

Result<Dataset> parse_dataset(const Signature& signature, std::string_view text) {
  Dataset out{.examples = {}, .hash = nostr::sha256(text)};
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == text.npos ? "" : text.substr(end + 1);
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (out.examples.size() == kMaxExamples) return fail(Errc::kLimit, fmt::format("over {} examples", kMaxExamples));
    auto example = parse_line(signature, line);
    if (!example) return std::unexpected(base::in_context(fmt::format("line {}", number), example.error()));
    out.examples.push_back(*std::move(example));
  }
  if (out.examples.empty()) return fail(Errc::kInvalid, "there are no examples", "one JSON object a line: {\"inputs\": {…}, \"outputs\": {…}}");
  return out;
}

std::string example_line(const Example& example) {
  return base::json::dump({{"inputs", example.inputs}, {"outputs", example.outputs}, {"source", example.source}, {"ts", example.ts}});
}

Split split(const std::vector<Example>& examples) {
  Split out;
  for (const Example& example : examples) {
    const nostr::Sha256 hash = nostr::sha256(base::json::dump(example.inputs));
    (hash.view()[0] % 5 == 0 ? out.validation : out.train).push_back(example);
  }
  return out;
}

}  // namespace orchestration
