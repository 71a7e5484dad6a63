// The folder of one party of a key generation: what it must not forget meanwhile (dkg.json), and what
// comes out (group.txt, share.txt, recovery.txt).
#pragma once

#include <filesystem>
#include <string>

#include "frostr/ceremony/dkg_session.h"
#include "frostr/wire/credential.h"
#include "node/home.h"

namespace node {

/// The text of a recovery file: `sovrecovery1…`, bech32m. Not secret: it opens with a host key only.
std::string encode_recovery(base::ByteView recovery_data);
/// kInvalid when it is no such text.
base::Result<base::Bytes> decode_recovery(std::string_view text);

class DkgFolder {
 public:
  /// Goes on with what an earlier process of the same ceremony kept in `dir`, or begins with fresh
  /// randomness. kConflict when the folder holds a share, or another ceremony's memory. `rng` outlives
  /// the folder.
  static base::Result<DkgFolder> open(std::filesystem::path dir, const nostr::Sha256& ceremony,
                                      frostr::SecretText passphrase, base::Rng& rng);

  /// For the session's creation.
  frostr::DkgMemory memory() const;
  /// Makes durable what changed in `session`, and writes the key once there is one: before anything
  /// that rests on it is said.
  base::Result<void> keep(const frostr::DkgSession& session, std::uint32_t threshold, frostr::ShareIndex idx);
  /// Everybody confirmed: the memory has served.
  base::Result<void> close() const;

  std::filesystem::path group() const { return dir_ / "group.txt"; }
  std::filesystem::path share() const { return dir_ / "share.txt"; }
  std::filesystem::path recovery() const { return dir_ / "recovery.txt"; }

 private:
  DkgFolder(std::filesystem::path dir, const nostr::Sha256& ceremony, frostr::SecretText passphrase, base::Rng& rng)
      : dir_(std::move(dir)), ceremony_(ceremony), passphrase_(std::move(passphrase)), rng_(&rng) {}
  std::filesystem::path state() const { return dir_ / "dkg.json"; }
  base::Result<void> load();
  base::Result<void> save() const;

  std::filesystem::path dir_;
  nostr::Sha256 ceremony_;
  frostr::SecretText passphrase_;
  base::Rng* rng_;
  frostr::DkgMemory kept_;
  bool written_ = false;  ///< the key's files
};

/// Writes group.txt, recovery.txt and, last, share.txt into `dir`.
base::Result<void> write_key(const std::filesystem::path& dir, const frostr::chilldkg::Output& output,
                             base::ByteView recovery_data, std::uint32_t threshold,
                             frostr::ShareIndex idx, std::string_view passphrase, base::Rng& rng);

}  // namespace node
