// Dataset: examples of a program, one JSON object a line, for measuring and improving it. Pure.
//
//   {"inputs": {…}, "outputs": {…}, "source": "operator", "ts": 1764230400}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/programs/signature.h"

namespace orchestration {

struct Example {
  base::json::Value inputs;
  base::json::Value outputs = base::json::Value::object();  ///< what is right, as far as it is known
  std::string source;
  std::int64_t ts = 0;
};

struct Dataset {
  std::vector<Example> examples;
  nostr::Sha256 hash;  ///< of the text
};

constexpr std::size_t kMaxExamples = 5000;
constexpr std::size_t kMaxDatasetBytes = 64u << 20;

/// Blank lines are skipped. kInvalid names the line that is no example of `signature`; kLimit over
/// kMaxExamples. Known outputs are checked field by field; they need not be complete.
base::Result<Dataset> parse_dataset(const Signature& signature, std::string_view text);
std::string example_line(const Example& example);

struct Split {
  std::vector<Example> train;       ///< about four fifths
  std::vector<Example> validation;
};
/// By the hash of the inputs, so that an example stays on its side when others come and go.
Split split(const std::vector<Example>& examples);

}  // namespace orchestration
