// The person this process runs as.
#pragma once

#include <string>

namespace base {

/// Their home directory: $HOME where it is an absolute path, else what the user database says, else
/// "/nonexistent" (no file is found there).
std::string user_home();

}  // namespace base
