// Render: a signature and its inputs as a conversation; parse: the reply as values. Pure.
//
// Every value stands between marker lines that carry a suffix of this request alone, so no text in it can
// open or close a field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/llm/backend.h"
#include "orchestration/programs/signature.h"

namespace orchestration {

enum class Form {
  kSchema,   ///< one JSON object, for backends that keep to a schema
  kMarkers,  ///< fields behind marker lines, for all others
};

struct RenderOptions {
  Form form = Form::kMarkers;
  std::string suffix;                 ///< [a-z0-9]+, random for each request
  std::uint64_t context_tokens = 0;   ///< the model's window; 0: not known
};

struct Rendered {
  std::vector<Message> messages;
  std::vector<Image> images;
  std::optional<base::json::Value> schema;  ///< kSchema
  std::size_t demos_dropped = 0;            ///< from the last one on, so that the rest fits
  nostr::Sha256 hash;                       ///< of the messages
};

/// `inputs` come from fit_inputs(). kInvalid when even without demos the window is too small.
base::Result<Rendered> render(const Signature& signature, const base::json::Value& inputs, const RenderOptions& options);

/// The schema of the answer, fields required in their order, nothing else allowed.
base::json::Value answer_schema(const Signature& signature);

struct Parsed {
  base::json::Value values;  ///< what fits, by field
  std::vector<FieldIssue> issues;
};
/// Reads a reply. Fences and prose around a JSON object are left out; a second object, a doubled key or a
/// repeated marker is an issue. Never fails: what cannot be read is an issue too.
Parsed parse_reply(const Signature& signature, const RenderOptions& options, std::string_view text);

/// The message that asks again for what was wrong, in few words.
std::string repair_request(const std::vector<FieldIssue>& issues, const RenderOptions& options);

}  // namespace orchestration
