// Pause: everything stands still while one file lies in the home — written by a command, by the
// operator's hand, or by whoever else may stop the agent.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "node/home.h"

namespace node {

class PauseSwitch {
 public:
  explicit PauseSwitch(const Home& home) : file_(home.config_dir / "paused") {}

  /// Why everything is paused; nullopt when it is not. One look at the file system.
  std::optional<std::string> reason() const;
  /// Pauses; survives a restart.
  base::Result<void> pause(const std::string& reason) const;
  /// No error when it was not paused.
  base::Result<void> resume() const;

 private:
  std::filesystem::path file_;
};

}  // namespace node
