// The keys that stand in config.toml as "section.key", all of them.
#pragma once

#include <vector>

#include "node/config.h"
#include "node/config_field.h"

namespace node {

/// In reading order.
const std::vector<Field<Config>>& config_keys();

}  // namespace node
