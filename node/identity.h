// The threshold identity of a home: the public group and this machine's one share.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "frostr/bifrost_node.h"
#include "frostr/frost/shares.h"
#include "frostr/wire/credential.h"
#include "node/home.h"
#include "storage/db.h"

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

/// Writes `share` in one line, mode 0600: `sovshare1…` under `passphrase`, `bfshare1…` when that is
/// empty. Blocks for about 0.2 s with a passphrase.
base::Result<void> save_share(const std::filesystem::path& path, const frostr::SecretShare& share,
                              std::string_view passphrase, base::Rng& rng);
/// The passphrase new shares are written under: the first line of `file`, empty when no file is named.
base::Result<frostr::SecretText> share_passphrase(const std::string& file);

/// Copies the identity's files into a home as group.txt and share.txt (mode 0600), the share as it
/// stands: encrypted stays encrypted.
base::Result<void> install_identity(const Home& home, const std::string& group_path, const std::string& share_path);

/// Makes the next start of this home one of another home: for a copy, which must not be taken for the original.
base::Result<void> forget_lease_name(storage::Db& db);
/// Who this process is to the co-signers: the home of `db`, started once more. `runner` is its node
/// key and outlives the lease.
base::Result<frostr::BifrostOptions::Lease> next_lease(storage::Db& db, const nostr::SecretKey& runner,
                                                       base::Rng& rng);

}  // namespace node
