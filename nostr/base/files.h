// Files as whole texts: read with a bound, replaced in one step.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "nostr/base/result.h"

namespace base {

/// Reads a whole file of at most `max_bytes`; kNotFound, kIo or kLimit name the path.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes = 1u << 20);
/// Writes `text` atomically (temporary file, fsync, rename) with `mode`.
Result<void> write_file(const std::filesystem::path& path, std::string_view text, unsigned mode = 0644);

}  // namespace base
