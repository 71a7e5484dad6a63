// The bech32m texts in which groups and shares travel: bfgroup, bfshare and bfonboard as
// bifrost 2.x writes them, its 1.x forms for reading only, and our encrypted sovshare.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frostr/frost/shares.h"
#include "nostr/base/rng.h"

namespace frostr {

/// Text with a secret in it, wiped when it dies. Moves only.
class SecretText {
 public:
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  SecretText(SecretText&& other) noexcept;
  SecretText& operator=(SecretText&& other) noexcept;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText();
  std::string_view expose() const { return text_; }

 private:
  std::string text_;
};

/// What a decoded text holds. `warning` is empty for the current form; for a bifrost 1.x form it
/// says, for a person, why the key must be replaced.
struct GroupCredential {
  GroupPackage group;
  std::string warning;
};
struct ShareCredential {
  SecretShare share;
  std::string warning;
};
/// An invitation: a share, the member to ask for the group, and where to find it.
struct OnboardCredential {
  SecretShare share;
  nostr::PublicKey peer;
  std::vector<std::string> relays;  ///< at most 100, each at most 512 bytes
};

std::string encode_group(const GroupPackage& group);
/// Surrounding white space is ignored. The group's consistency is checked as well, kCrypto if it
/// fails; kInvalid for everything malformed.
Result<GroupCredential> decode_group(std::string_view text);

SecretText encode_share(const SecretShare& share);
/// kInvalid for malformed text; a `sovshare1…` is kInvalid with the hint that it needs a passphrase.
Result<ShareCredential> decode_share(std::string_view text);

/// kInvalid when relays are too many or too long.
Result<SecretText> encode_onboard(const OnboardCredential& onboard);
Result<OnboardCredential> decode_onboard(std::string_view text);

/// Whether `text` is an encrypted share, so that the caller asks for a passphrase.
bool is_encrypted_share(std::string_view text);
/// `sovshare1…`: bech32m over 01 || log_n || salt 16 || nonce 24 || XChaCha20-Poly1305(bfshare
/// payload), key = scrypt(passphrase, salt, 2^log_n, r 8, p 1), first two bytes authenticated. The passphrase is
/// taken as the bytes given. Slow on purpose: about 64 MiB and 0.2 s at log_n 16.
Result<std::string> encrypt_share(const SecretShare& share, std::string_view passphrase,
                                  base::Rng& rng, unsigned log_n = 16);
/// kCrypto for a wrong passphrase, kInvalid for malformed text, kLimit for a log_n above 20.
Result<SecretShare> decrypt_share(std::string_view text, std::string_view passphrase);

}  // namespace frostr
