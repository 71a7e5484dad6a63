// The files of the dashboard's page, as they were when the program was built.
#pragma once

#include <span>
#include <string_view>

namespace node {

struct Asset {
  std::string_view path;  ///< "/page.js"
  std::string_view bytes;
};

std::span<const Asset> dashboard_assets();

}  // namespace node
