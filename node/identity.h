// The threshold identity of a home: the public group and this machine's one share.
#pragma once

#include <string>

#include "frostr/frost/shares.h"
#include "node/home.h"

namespace node {

struct ThresholdIdentity {
  frostr::GroupPackage group;
  frostr::SecretShare share;
};

/// Reads `bfgroup1…`.
base::Result<frostr::GroupPackage> load_group(const std::string& path);
/// Reads `bfshare1…` or, with a passphrase file, `sovshare1…` and the packages of bifrost-rs, whose
/// index only `group` tells; the file must not be readable by others.
base::Result<frostr::SecretShare> load_share(const std::string& path, const std::string& passphrase_file,
                                             const frostr::GroupPackage& group);
/// Both, checked against each other.
base::Result<ThresholdIdentity> load_identity(const std::string& group_path, const std::string& share_path,
                                              const std::string& passphrase_file);

/// Copies the identity's files into a home as group.txt and share.txt (mode 0600), the share as it
/// stands: encrypted stays encrypted.
base::Result<void> install_identity(const Home& home, const std::string& group_path, const std::string& share_path);

}  // namespace node
