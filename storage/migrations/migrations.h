// The scripts of storage/migrations, as they were when the program was built, in the order of their
// names: "/001_events.sql", "/002_messages.sql", …
#pragma once

#include <span>

#include "nostr/base/asset.h"

namespace storage {

std::span<const base::Asset> migration_files();

}  // namespace storage
