// Dealing: one machine splits a key, new or old, into shares and writes them down.
#pragma once

#include <cstdint>
#include <string>

#include "frostr/wire/credential.h"
#include "nostr/base/result.h"

namespace node {

struct DealRequest {
  std::uint32_t threshold = 2;  ///< shares that sign together
  std::uint32_t members = 3;    ///< shares in all
  std::string secret_file;      ///< the key to split (hex, nsec, ncryptsec); empty: a new one
  std::string passphrase_file;  ///< the shares are sealed with it; empty: in clear, mode 0600
  std::string out;              ///< folder for group.txt and share-N.txt
};

/// Writes the group and its shares into `out`. kConflict when it holds shares already. This process
/// holds the whole key for a moment, which a `frost dkg` never does.
base::Result<frostr::GroupPackage> deal_into(const DealRequest& request);

/// What whoever split the key in `secret_file` has to know.
std::string split_key_warning(const std::string& secret_file);

}  // namespace node
