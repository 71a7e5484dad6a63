// NonceLedger: which nonce codes were issued, which signed what, and which are dead. No secrets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "nostr/crypto/keys.h"
#include "storage/db.h"

namespace storage {

/// kIssued: ours, its secret half is in our memory and its public half went to the peer.
/// kReceived: the peer's, we may use it once as coordinator.
enum class NonceSide { kIssued, kReceived };
enum class NonceState { kReady, kSpent, kVoid };

template <>
struct EnumText<NonceSide> {
  static constexpr std::array<std::string_view, 2> kNames{"issued", "received"};
};
template <>
struct EnumText<NonceState> {
  static constexpr std::array<std::string_view, 3> kNames{"ready", "spent", "void"};
};

struct NonceRow {
  NonceSide side = NonceSide::kIssued;
  int peer = 0;      ///< member index of the other party (our own for self-nonces)
  std::string code;  ///< hex, as on the wire; unique per side and peer
  NonceState state = NonceState::kReady;
  std::string session;    ///< sid it was spent in, hex
  std::string sighash;    ///< what it signed, hex
  UnixTime created;
  UnixTime changed;
};

/// The ledger. A code moves once: ready → spent or ready → void. App thread.
class NonceLedger {
 public:
  explicit NonceLedger(Db& db) : db_(db) {}

  /// Records fresh codes as ready, in one kNormal commit (a lost row only loses a nonce).
  /// kConflict when one of them was ever seen on that side from that peer: nothing is written.
  Result<void> add(NonceSide side, int peer, const std::vector<std::string>& codes, UnixTime now);
  /// ready → spent, kFull: on return the code can never sign again, whatever happens to the power.
  /// Call before the partial signature leaves. kConflict when the code is not ready.
  Result<void> mark_spent(NonceSide side, int peer, std::string_view code, std::string_view session,
                          std::string_view sighash, UnixTime now);
  /// ready → void (reject, time-out); kConflict when it is not ready.
  Result<void> mark_void(NonceSide side, int peer, std::string_view code, UnixTime now);
  /// The same for several codes, in one commit; those that are not ready are passed over.
  Result<void> mark_void(NonceSide side, int peer, const std::vector<std::string>& codes, UnixTime now);
  /// At boot: the secrets of an earlier process are gone, so every ready code is void; how many.
  Result<std::int64_t> void_all(UnixTime now);
  /// Ready codes of one peer → void (the peer restarted); how many.
  Result<std::int64_t> void_peer(NonceSide side, int peer, UnixTime now);

  Result<std::optional<NonceRow>> find(NonceSide side, int peer, std::string_view code);
  Result<std::int64_t> count(NonceSide side, int peer, NonceState state);
  /// Forgets void codes older than `before`, and the oldest beyond `keep`; spent ones stay. How many.
  Result<std::int64_t> purge_void(UnixTime before, std::int64_t keep);

 private:
  Db& db_;
};

/// Requests already answered, by (author, request id). App thread.
class ReplayCache {
 public:
  explicit ReplayCache(Db& db) : db_(db) {}

  /// Remembers the pair until `expires`; false when it is remembered already: a replay. kFull when
  /// inside a kFull Tx, else kNormal.
  Result<bool> remember(const nostr::PublicKey& author, std::string_view request_id, UnixTime now,
                        UnixTime expires);
  Result<std::int64_t> purge(UnixTime now);

 private:
  Db& db_;
};

}  // namespace storage
