// AuditTrail: the verdicts of a co-signer on their way into the audit log, so that a member that
// floods it fills a counter and not the disk.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "frostr/frost/shares.h"
#include "storage/audit.h"

namespace frostr {

using base::Result;
using base::UnixTime;

struct AuditTrailOptions {
  std::size_t whole = 200;             ///< rows of one member in a window that are written whole
  base::seconds window{60};            ///< doubles while the flood goes on
  base::seconds longest_window{600};
};

/// Within a window, a member's verdicts beyond `whole` are counted by kind, verdict and word and
/// written as one row each when the window ends. That counting has begun is a row of its own, so what
/// dies with the process is a number of one window and never the fact. What lets a partial signature
/// leave is never folded: the policy's rates bound it. App thread.
class AuditTrail {
 public:
  explicit AuditTrail(storage::Db& db, AuditTrailOptions options = {})
      : log_(db), options_(options) {}

  struct Entry {
    std::uint32_t member = 0;  ///< 0: the operator, at this machine
    std::string kind;          ///< "sign", "ecdh", "onboard", "lease", "transport", "quorum", "policy"
    std::string verdict;       ///< "signed", "refused", "dropped", "culprit", …
    std::string reason;        ///< a word of a fixed set, then perhaps ": " and details
    std::optional<nostr::Sha256> digest{};
    std::optional<nostr::EventId> event_id{};
  };
  /// kFull, in the caller's Tx when one is open.
  Result<void> record(const Entry& entry, UnixTime now);
  /// Writes the counted rows of windows that are over; of all when `all`.
  Result<void> flush(UnixTime now, bool all = false);

  storage::AuditLog& log() { return log_; }

 private:
  struct Window {
    UnixTime ends;
    base::seconds length{0};
    std::size_t rows = 0;
    std::map<std::string, std::uint64_t> counted;  ///< by "kind verdict word"
  };
  Result<void> close(std::uint32_t member, Window& window, UnixTime now);
  Result<void> append(const Entry& entry, UnixTime now);

  storage::AuditLog log_;
  AuditTrailOptions options_;
  std::map<std::uint32_t, Window> windows_;
};

}  // namespace frostr
