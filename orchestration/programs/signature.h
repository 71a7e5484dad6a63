// Signature: what a program is asked and has to answer — an instruction, typed fields, worked examples.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nostr/crypto/hash.h"
#include "orchestration/programs/field.h"

namespace orchestration {

/// One worked example; both are objects by field name.
struct Demo {
  base::json::Value inputs;
  base::json::Value outputs;
  friend bool operator==(const Demo&, const Demo&) = default;
};

struct Signature {
  std::string id;  ///< [a-z][a-z0-9_-]*: on the command line and in folders
  std::uint32_t version = 1;
  std::string agent;        ///< whose route answers; "" is the primary agent's
  std::string instruction;  ///< at most kMaxInstruction bytes
  std::vector<Field> inputs;
  std::vector<Field> outputs;
  std::vector<Demo> demos;
  std::uint32_t max_output_tokens = 1000;
  bool cached = true;  ///< whether answers at temperature 0 may be kept
};

constexpr std::size_t kMaxInstruction = 8192;
/// The output that thinking aloud goes to; it is first, and no other agent is shown it.
constexpr std::string_view kReasoning = "reasoning";

/// kInvalid when a name is none or doubled, a choice has no names, an instruction is too long, or a
/// demo does not fit the fields.
base::Result<void> check(const Signature& signature);
/// With `reasoning` as first output, if it is not there.
Signature with_reasoning(Signature signature);

/// Inputs as the fields want them: what is missing and optional is left out, what is too long is cut with
/// a notice in it. kInvalid names the field.
base::Result<base::json::Value> fit_inputs(const Signature& signature, const base::json::Value& inputs);

struct FieldIssue {
  std::string field;
  std::string what;
};
/// What is wrong with an answer; converted values are put into `out`.
std::vector<FieldIssue> fit_outputs(const Signature& signature, const base::json::Value& raw, base::json::Value& out);

/// Of id, version and fields: a saved program belongs to these.
nostr::Sha256 fields_hash(const Signature& signature);
/// The whole of it, demos included.
base::json::Value to_json(const Signature& signature);

}  // namespace orchestration
