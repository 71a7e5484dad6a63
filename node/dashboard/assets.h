// The files of the dashboard's page, as they were when the program was built.
#pragma once

#include <span>

#include "nostr/base/asset.h"

namespace node {

std::span<const base::Asset> dashboard_assets();

}  // namespace node
