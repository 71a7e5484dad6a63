// A place for a test's files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace orchestration::testing {

/// A directory of its own, removed at the end.
class TempDir {
 public:
  TempDir() : TempDir(std::filesystem::temp_directory_path()) {}
  explicit TempDir(const std::filesystem::path& parent);
  ~TempDir();
  std::string path(std::string_view name) const { return (root_ / name).string(); }
  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace orchestration::testing
