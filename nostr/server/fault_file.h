// The relay's limits and fault rules from a TOML file; nostr/server/README.md describes every key.
#pragma once

#include <string>
#include <string_view>

#include "nostr/server/relay.h"

namespace nostr {

/// Sets what the file names in `options`: limits, faults and their seed. kInvalid names the file, the
/// key and the line, with a hint for misspelt words; `options` may be half set then.
base::Result<void> parse_fault_file(std::string_view toml, const std::string& name,
                                    RelayOptions& options);
/// The same from disk. kIo when it cannot be read, kLimit when it is over 256 KiB.
base::Result<void> load_fault_file(const std::string& path, RelayOptions& options);

/// The documented defaults of strfry 1.1: its size, count and time limits, kinds 4 and 1059 only for
/// their parties, ephemeral events only while they are fresh.
SessionRules strfry_rules();

}  // namespace nostr
