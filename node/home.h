// Home: where one process keeps its files. XDG directories by default; --home moves everything.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "nostr/base/files.h"
#include "nostr/base/result.h"
#include "nostr/base/secret.h"

namespace node {

/// The files of one actor (node or co-signer). Nothing is created before ensure().
struct Home {
  std::filesystem::path config_dir;  ///< config.toml, policy.toml, key and share files
  std::filesystem::path data_dir;    ///< sovereign.db
  std::filesystem::path run_dir;     ///< control socket

  std::filesystem::path config_file() const { return config_dir / "config.toml"; }
  std::filesystem::path policy_file() const { return config_dir / "policy.toml"; }
  std::filesystem::path node_key_file() const { return config_dir / "node.key"; }
  std::filesystem::path service_key_file() const { return config_dir / "service.key"; }
  std::filesystem::path dashboard_token_file() const { return config_dir / "dashboard.token"; }
  std::filesystem::path database() const { return data_dir / "sovereign.db"; }
  std::filesystem::path control_socket() const { return run_dir / "control.sock"; }

  /// `override_dir` (from --home or SOVEREIGN_HOME) puts everything into one folder; empty means
  /// $XDG_CONFIG_HOME, $XDG_DATA_HOME, $XDG_RUNTIME_DIR with their usual fallbacks.
  static Home locate(const std::string& override_dir);
  /// A home below this one, with files of its own, for another group of a co-signer; `name` is one part of
  /// a path.
  Home beside(std::string_view name) const;
  /// Where those homes are.
  std::filesystem::path groups_dir() const { return config_dir / "groups"; }
  /// Creates the folders, mode 0700.
  base::Result<void> ensure() const;
};

using base::read_file;
using base::write_file;
/// Reads a file that holds a secret. kDenied when others can read it.
base::Result<std::string> read_secret_file(const std::filesystem::path& path);

}  // namespace node
