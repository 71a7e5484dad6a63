// The password-protected packages of bifrost-rs 0.5.0, for reading: bfshare, bfonboard and bfprofile
// with a JSON envelope behind their bech32m checksum. bifrost-rs signs by another scheme and speaks
// another wire, so this is for moving a share over, nothing else.
#pragma once

#include <string_view>

#include "frostr/frost/shares.h"

namespace frostr {

/// Whether `text` is one of them, so that the caller asks for a passphrase.
bool is_rs_package(std::string_view text);

/// The share in it. Its index is not in the package: it is that of the member of `group` whose public
/// key belongs to the share. `passphrase` is taken as the bytes given. Slow on purpose: 600 000 rounds.
/// kCrypto for a wrong passphrase, kNotFound when the group has no such member, kUnsupported for an
/// envelope of another version or other parameters, kInvalid for everything malformed.
Result<SecretShare> open_rs_package(std::string_view text, std::string_view passphrase,
                                    const GroupPackage& group);

}  // namespace frostr
