// The part of JSON Schema that tool parameters need, checked before a tool sees them.
#pragma once

#include "nostr/base/json.h"

namespace orchestration {

/// Checks `value` against `schema`: type, properties, required, additionalProperties (false by
/// default for objects), items, enum, minLength/maxLength (bytes), minimum/maximum, maxItems.
/// kInvalid names the path of the first member that does not fit, so that the model can mend it.
base::Result<void> validate(const base::json::Value& schema, const base::json::Value& value);

}  // namespace orchestration
