// mkdtemp, and away with it.
#include "tests/orchestration/support/temp_dir.h"

#include <cstdlib>
#include <system_error>

namespace orchestration::testing {

TempDir::TempDir(const std::filesystem::path& parent) {
  std::string pattern = (parent / "sovereign-XXXXXX").string();
  root_ = ::mkdtemp(pattern.data());
}
TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

}  // namespace orchestration::testing
