// Workspace: the one folder file tools work in, and nothing outside it whatever a path says.
//
// Every path is opened by the kernel beneath the folder and through no symbolic link (openat2), so
// neither the model nor a file in the workspace can lead a tool out of it. Functions that block say so;
// they are for workers and touch nothing but the descriptor.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nostr/crypto/hash.h"
#include "orchestration/sandbox/fd.h"

namespace orchestration {

struct FolderEntry {
  std::string path;        ///< relative to the workspace
  bool is_folder = false;
  std::uint64_t size = 0;
};

struct WalkLimits {
  std::size_t max_entries = 100'000;
  std::size_t max_depth = 20;
  std::chrono::steady_clock::time_point deadline;
};

class Workspace {
 public:
  /// kNotFound, kIo; kUnsupported when the kernel has no openat2.
  static base::Result<std::shared_ptr<Workspace>> open(std::string root);
  const std::string& root() const { return root_; }

  /// The path below the root in its normal spelling, "." for the root itself. Absolute paths count when
  /// they begin with the root. kDenied for "..", for paths outside and for what lies deeper than 64 folders.
  base::Result<std::string> relative(const std::string& path) const;

  /// Blocking. At most `max_bytes` from `offset` of a regular file. kDenied through links and for
  /// devices, kUnsupported for binary content.
  base::Result<std::string> read(const std::string& path, std::uint64_t offset, std::size_t max_bytes) const;
  /// Blocking. The whole file, binary or not; kLimit when it is larger than `max_bytes`.
  base::Result<std::string> read_all(const std::string& path, std::size_t max_bytes) const;
  /// Blocking. Replaces or creates a file by an atomic rename, making folders on the way; an existing file
  /// keeps its mode. kDenied for anything that is no regular file, and below .git.
  base::Result<void> write(const std::string& path, const std::string& content) const;
  /// Blocking. Removes a regular file; kDenied below .git.
  base::Result<void> remove(const std::string& path) const;
  /// Blocking. The entries of one folder by name, at most `most`, and whether there were more.
  base::Result<std::pair<std::vector<FolderEntry>, bool>> list(const std::string& path, std::size_t most) const;
  /// Blocking. Files below `path` in order of their names, without .git and without following links;
  /// `visit` returning false ends the walk. kLimit when a limit ends it.
  base::Result<void> walk(const std::string& path, WalkLimits limits,
                          const std::function<bool(const FolderEntry&)>& visit) const;

  /// What a tool has seen of a file, so that it is not overwritten unseen or after a change. App thread.
  void remember(const std::string& path, const std::string& content);
  /// kConflict with what to do when `content`, as the file is now, is not what was seen last.
  base::Result<void> check_unchanged(const std::string& path, const std::string& content) const;

 private:
  Workspace(std::string root, Fd folder) : root_(std::move(root)), folder_(std::move(folder)) {}
  base::Result<Fd> open_beneath(const std::string& path, int flags) const;
  base::Result<Fd> open_file(const std::string& path) const;
  base::Result<Fd> make_parent(const std::string& path) const;
  base::Result<void> walk_folder(const std::string& path, std::size_t depth, std::size_t& entries,
                                 const WalkLimits& limits, bool& go_on,
                                 const std::function<bool(const FolderEntry&)>& visit) const;

  std::string root_;
  Fd folder_;
  std::map<std::string, nostr::Sha256> seen_;
};

/// Whether text tools can show it: no zero bytes and valid UTF-8 but for a character cut at the end.
bool is_text(std::string_view content);

}  // namespace orchestration
