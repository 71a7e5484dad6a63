// The part of JSON Schema that tool parameters need, checked before a tool sees them.
#pragma once

#include "nostr/base/json.h"

namespace orchestration {

/// Checks `value` against `schema`: type, properties, required, additionalProperties (false by
/// default for objects), items, enum, minLength/maxLength (bytes), minimum/maximum, maxItems.
/// kInvalid names the path of the first member that does not fit, so that the model can mend it.
base::Result<void> validate(const base::json::Value& schema, const base::json::Value& value);

/// Schemas as tools write them: a string of `min` to `max` bytes, a whole number, an object that takes
/// nothing else.
base::json::Value text_param(const char* description, std::int64_t max, std::int64_t min = 1);
base::json::Value int_param(const char* description, std::int64_t min, std::int64_t max);
base::json::Value object_schema(base::json::Value properties, base::json::Value required);

}  // namespace orchestration
