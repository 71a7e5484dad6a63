// The files of one party of a refresh, reshare or repair: the group and share that are renewed, what is new
// beside them (*.new) until everybody has theirs, and the memory of the ceremony (SHARE.renewal).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "frostr/ceremony/renewal_session.h"
#include "frostr/wire/credential.h"
#include "node/home.h"

namespace node {

class RenewalFiles {
 public:
  struct Paths {
    std::filesystem::path group, share;
    std::string passphrase_file;  ///< opens the old share and encrypts the new one
  };
  /// Goes on with what an earlier process of the same ceremony kept, or begins. kConflict when another
  /// ceremony's memory is there, or a share where one is to be received. `rng` outlives the files.
  static base::Result<RenewalFiles> open(Paths paths, const frostr::Invitation& invitation,
                                         const frostr::Invitation::Party& self, base::Rng& rng);

  /// What the session is created with.
  frostr::RenewalMemory memory() const;
  std::optional<frostr::SecretShare> take_share() { return std::move(share_); }
  /// Makes durable what changed in `session`: what is new beside the old, then in its place.
  base::Result<void> keep(const frostr::RenewalSession& session);
  /// Everybody let go of the old: the memory has served.
  base::Result<void> close() const;

 private:
  RenewalFiles(Paths paths, const nostr::Sha256& ceremony, frostr::SecretText passphrase, base::Rng& rng)
      : paths_(std::move(paths)), ceremony_(ceremony), passphrase_(std::move(passphrase)), rng_(&rng) {}
  std::filesystem::path state() const;
  base::Result<void> load();
  base::Result<void> save() const;
  base::Result<void> install() const;

  Paths paths_;
  nostr::Sha256 ceremony_;
  bool leaves_ = false;  ///< holds a share now and none afterwards
  frostr::SecretText passphrase_;
  base::Rng* rng_;
  frostr::RenewalMemory kept_;
  std::optional<frostr::SecretShare> share_;
  bool stored_ = false;  ///< what is new, beside the old
};

}  // namespace node
