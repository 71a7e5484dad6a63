// Lines that somebody types, read without holding up the loop.
#pragma once

#include <optional>
#include <string>

#include "nostr/base/loop.h"

namespace node::cli {

/// Standard input, a line at a time. App thread.
class LineReader {
 public:
  /// The next line, or 4 KiB of a longer one; nullopt once there are no more.
  base::Task<std::optional<std::string>> next();

 private:
  std::optional<std::string> take();
  /// Reads what is there; false at the end of the input.
  bool read();

  std::string pending_;
};

}  // namespace node::cli
