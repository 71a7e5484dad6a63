// Field: one named, typed value that a program takes or gives. Pure.
//
// A value travels as JSON. Models write it as text (behind a marker) or as a member of a JSON object; both
// are read here, strictly: what is out of range is an error, never bent into it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/json.h"

namespace orchestration {

enum class Shape {
  kText,
  kMarkdown,
  kInteger,
  kNumber,
  kFlag,
  kChoice,      ///< one of `choices`, by name or alias, in any case
  kTextList,
  kPlaces,      ///< "path:line" entries
  kObjectList,  ///< objects that fit `schema`
  kJson,        ///< anything that fits `schema`; an empty schema takes all
  kAttachment,  ///< input only: {"mime","base64"}, shown to the model as a picture
};
std::string_view shape_name(Shape shape);

struct Choice {
  std::string name;
  std::vector<std::string> aliases;
};

struct Field {
  std::string name;  ///< [a-z][a-z0-9_]{0,63}
  std::string about;
  Shape shape = Shape::kText;
  bool required = true;  ///< an output that is required is not empty either
  std::size_t max_bytes = 16384;
  double least = 0;  ///< kNumber and kInteger
  double most = 1;
  std::vector<Choice> choices;
  base::json::Value schema = base::json::Value::object();
};

bool is_field_name(std::string_view name);

/// kInvalid says what does not fit, without repeating the value.
base::Result<base::json::Value> read_text(const Field& field, std::string_view text);
base::Result<base::json::Value> read_json(const Field& field, const base::json::Value& value);
/// Whether there is nothing in it: "", [], null.
bool is_blank(const base::json::Value& value);

/// The value as a model is shown it.
std::string show_value(const Field& field, const base::json::Value& value);
/// The field in words: type, range, choices.
std::string describe_shape(const Field& field);
/// JSON Schema of the field's value.
base::json::Value schema_of(const Field& field);
/// Everything about the field that a saved program depends on.
base::json::Value spec_of(const Field& field);

}  // namespace orchestration
