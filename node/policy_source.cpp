// By file, modification time and size: a clock that ticks slowly hides no rename.
#include "node/policy_source.h"

#include <sys/stat.h>

#include <utility>

#include "frostr/policy_file.h"
#include "node/home.h"

namespace node {

std::optional<PolicySource::Stamp> PolicySource::stamp() const {
  struct stat found {};
  if (::stat(path_.c_str(), &found) != 0) return std::nullopt;
  return Stamp{found.st_ino, found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_size};
}

base::Result<LoadedPolicy> PolicySource::load() {
  // Before reading: what is written meanwhile is another state.
  loaded_ = seen_ = stamp();
  auto text = read_file(path_);
  if (!text) {
    text.error().hint = "write one with `sovereign cosigner init`";
    return std::unexpected(std::move(text).error());
  }
  TRY(frostr::Policy policy, frostr::parse_policy(*text, path_.string()));
  return LoadedPolicy{std::move(policy), nostr::sha256(*text)};
}

bool PolicySource::has_changed() {
  const auto before = std::exchange(seen_, stamp());
  return seen_ == before && seen_ != loaded_;
}

}  // namespace node
