// Bunker: whom this home signs for over relays (NIP-46) — clients, what each may do, and which of
// their requests were taken already.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "nostr/event/event.h"
#include "storage/db.h"

namespace storage {

/// What is said to a request that a rule matches.
enum class BunkerVerdict { kAllow, kAsk, kDeny };
template <>
struct EnumText<BunkerVerdict> {
  static constexpr std::array<std::string_view, 3> kNames{"allow", "ask", "deny"};
};

/// open → asked → allowed | denied | expired; open → allowed | denied | failed; asked → failed.
enum class BunkerRequestState { kOpen, kAsked, kAllowed, kDenied, kExpired, kFailed };
template <>
struct EnumText<BunkerRequestState> {
  static constexpr std::array<std::string_view, 6> kNames{"open",   "asked",   "allowed",
                                                          "denied", "expired", "failed"};
};

struct BunkerRule {
  std::string method;
  std::optional<nostr::Kind> kind;  ///< of sign_event; none: every kind without a rule of its own
  BunkerVerdict verdict = BunkerVerdict::kAsk;
};

struct BunkerClient {
  nostr::PublicKey key;
  std::string name;                  ///< as it calls itself
  std::string url;
  std::vector<std::string> relays;   ///< where it reads answers besides ours
  UnixTime paired;
  UnixTime seen;
  std::optional<UnixTime> revoked;

  bool stands() const { return !revoked; }
};

/// App thread.
class BunkerRows {
 public:
  static constexpr std::int64_t kMaxClients = 256;  ///< that stand
  static constexpr std::int64_t kMaxSecrets = 64;   ///< that nobody used yet

  explicit BunkerRows(Db& db) : db_(db) {}

  /// A secret that lets one client in until `expires`; only its hash is kept. kLimit beyond kMaxSecrets.
  Result<void> add_secret(const nostr::Sha256& hash, UnixTime now, UnixTime expires);
  /// Uses it up; false when it is unknown, used or too old.
  Result<bool> take_secret(const nostr::Sha256& hash, UnixTime now);

  /// Lets `client` in, with `rules` and no others, also one that was revoked. kLimit beyond kMaxClients.
  Result<void> pair(const BunkerClient& client, const std::vector<BunkerRule>& rules);
  Result<std::optional<BunkerClient>> client(const nostr::PublicKey& key);
  /// Newest first, revoked ones too; at most 1000.
  Result<std::vector<BunkerClient>> clients();
  Result<void> saw(const nostr::PublicKey& key, UnixTime now);
  /// kNotFound for one that is not known; revoking twice changes nothing.
  Result<void> revoke(const nostr::PublicKey& key, UnixTime now);

  /// Adds or replaces one rule. kNotFound for a client that is not known, kLimit beyond 256 rules.
  Result<void> set_rule(const nostr::PublicKey& key, const BunkerRule& rule);
  Result<std::vector<BunkerRule>> rules(const nostr::PublicKey& key);
  /// The rule of that kind, else of the method, else ask.
  Result<BunkerVerdict> verdict(const nostr::PublicKey& key, std::string_view method,
                                std::optional<nostr::Kind> kind);

  /// Takes a request; false when that client sent this id before.
  Result<bool> open_request(const nostr::PublicKey& key, std::string_view id,
                            std::string_view method, UnixTime now, Durability durability);
  Result<void> set_request(const nostr::PublicKey& key, std::string_view id,
                           BunkerRequestState state, UnixTime now);
  /// What a process that ended had not answered: nobody will.
  Result<void> fail_open_requests(UnixTime now);
  Result<void> forget_requests(UnixTime before);

 private:
  Db& db_;
};

}  // namespace storage
