// By modification time and size: a rename over the file shows as both.
#include "node/policy_source.h"

#include "frostr/policy_file.h"
#include "node/home.h"

namespace node {

std::optional<PolicySource::Stamp> PolicySource::stamp() const {
  std::error_code error;
  Stamp out{.written = std::filesystem::last_write_time(path_, error)};
  if (error) return std::nullopt;
  out.size = std::filesystem::file_size(path_, error);
  if (error) return std::nullopt;
  return out;
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
