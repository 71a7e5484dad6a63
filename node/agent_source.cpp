// The files are few and small: their bytes are compared.
#include "node/agent_source.h"

#include <algorithm>
#include <filesystem>

#include "node/agent_config.h"
#include "nostr/crypto/hash.h"

namespace node {

using base::Result;

std::string AgentSource::read_all() const {
  std::vector<std::filesystem::path> files{home_.config_file()};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(home_.config_dir / "agents", error)) files.push_back(entry.path());
  std::ranges::sort(files);
  std::string all;
  for (const std::filesystem::path& file : files)
    all += file.string() + '\0' + base::read_file(file).value_or("") + '\0';
  return nostr::sha256(base::as_bytes(all)).hex();
}

Result<std::vector<orchestration::AgentPatch>> AgentSource::load(const Config& running) {
  loaded_ = read_all();
  seen_ = loaded_;
  TRY(Config written, load_config(home_));
  Config next = running;
  next.agents = written.agents;
  TRY(agents_of(next));
  return std::move(written.agents);
}

bool AgentSource::has_changed() {
  std::string now = read_all();
  const bool still = seen_ == now;
  seen_ = std::move(now);
  if (!loaded_) {
    loaded_ = seen_;
    return false;
  }
  return still && loaded_ != seen_;
}

}  // namespace node
