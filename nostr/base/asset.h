// Asset: a file of the source tree, kept in the program by cmake/embed.cmake.
#pragma once

#include <string_view>

namespace base {

struct Asset {
  std::string_view path;  ///< "/" and the file's name
  std::string_view bytes;  ///< with a NUL behind them that does not count
};

}  // namespace base
