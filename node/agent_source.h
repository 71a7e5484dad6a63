// Where agents are written, and whether that has changed: config.toml, and the files of the folder agents/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node/config.h"
#include "node/home.h"

namespace node {

class AgentSource {
 public:
  explicit AgentSource(Home home) : home_(std::move(home)) {}

  /// Every agent as it is written now, checked against the rest of `running`. What load_config() and
  /// agents_of() say is wrong; then nothing of it counts.
  base::Result<std::vector<orchestration::AgentPatch>> load(const Config& running);
  /// Whether the files are others than at the last load() and have kept still since the last call of
  /// this: an editor may be in the middle of writing.
  bool has_changed();

 private:
  /// What tells one state of the files from another.
  std::string read_all() const;

  Home home_;
  std::optional<std::string> loaded_;
  std::optional<std::string> seen_;
};

}  // namespace node
