// PolicySource: the policy file of a co-signer, read strictly, and noticed when it changes.
#pragma once

#include <filesystem>
#include <optional>

#include "frostr/policy.h"
#include "nostr/crypto/hash.h"

namespace node {

/// A policy and the file it came from.
struct LoadedPolicy {
  frostr::Policy policy;
  nostr::Sha256 hash;  ///< of the file's bytes
};

class PolicySource {
 public:
  explicit PolicySource(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  /// Reads and checks the file now. kNotFound, kIo, kInvalid.
  base::Result<LoadedPolicy> load();
  /// Whether the file has become another one since the last load() and has kept still since the last
  /// call of this: an editor may be in the middle of writing.
  bool has_changed();

 private:
  /// What tells one state of the file from another without reading it.
  struct Stamp {
    std::filesystem::file_time_type written{};
    std::uintmax_t size = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  std::optional<Stamp> stamp() const;

  std::filesystem::path path_;
  std::optional<Stamp> loaded_;
  std::optional<Stamp> seen_;
};

}  // namespace node
