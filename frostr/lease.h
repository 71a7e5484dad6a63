// Fencing: of several processes that hold one share — a failover pair, a restored or a stolen copy —
// a co-signer serves one at a time.
//
// A process asks with params[1] of its requests, which stock peers ignore: `{home, generation, boot,
// sig}`, signed with the runner's key over this very request. The co-signer keeps one durable row a
// member and refuses everybody else by `lease-held:<until>`; the holder's every request and ping
// renews it. A later start of the same home (one database, so one process at a time) takes over at
// once; another home when the lease has run out, or when the operator revokes it.
//
// What it is good for: a share without the runner's key gets no lease. A whole copy of a home that
// claims a later start can displace the original, never act beside it, and the original says so. What
// it is not: an agreement between co-signers. A node keeps its lease at all of them, and gives up
// when one of them serves somebody else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "frostr/frost/shares.h"
#include "frostr/judgement.h"
#include "frostr/wire/envelope.h"
#include "storage/leases.h"

namespace frostr {

/// A process that wants to act for its member.
struct LeaseClaim {
  std::string home;             ///< random, kept in the home's database; at most 64 characters
  std::int64_t generation = 0;  ///< how often this home was started
  std::string boot;             ///< this process; at most 64 characters
  friend bool operator==(const LeaseClaim&, const LeaseClaim&) = default;
};

/// Where a request goes from and to: part of what is signed.
struct LeaseRoute {
  const GroupPackage& group;
  ShareIndex from;
  ShareIndex to;
};

/// The text of params[1] for `request`, whose other members are complete.
std::string seal_lease(const LeaseClaim& claim, const RpcRequest& request, const LeaseRoute& route,
                       const nostr::SecretKey& runner, base::Rng& rng);
/// The claim that `request` proves with `runner`'s key; nullopt when it has none or it does not hold.
std::optional<LeaseClaim> proven_lease(const RpcRequest& request, const LeaseRoute& route,
                                       const nostr::PublicKey& runner);

/// Who took a lease when it changed hands.
struct LeaseChange {
  std::string verdict;  ///< "granted", "restarted" or "taken-over"
  std::string reason;
};

/// The leases of one co-signer. App thread.
class LeaseDesk {
 public:
  explicit LeaseDesk(storage::Db& db) : rows_(db) {}

  /// How `requester` stands without touching anything, e.g. to explain a verdict.
  Result<LeaseFact> look(const Requester& requester, const std::optional<LeaseClaim>& claim,
                         UnixTime now);
  struct Used {
    LeaseFact fact;
    std::optional<LeaseChange> change;
  };
  /// The same for a request that came in: a claim that may have the lease gets or renews it.
  Result<Used> use(const Requester& requester, const std::optional<LeaseClaim>& claim,
                   base::seconds ttl, UnixTime now);
  /// The holder stops: its lease ends now. Nothing happens for anybody else.
  Result<void> release(const Requester& requester, const LeaseClaim& claim, UnixTime now);
  /// Ends the lease of `member` and keeps its holder's home out for `bar`, so that another one can
  /// take over. kNotFound when nobody holds one.
  Result<storage::LeaseRow> revoke(std::uint32_t member, base::seconds bar, UnixTime now);
  Result<std::vector<storage::LeaseRow>> list() { return rows_.list(); }

 private:
  storage::Leases rows_;
};

}  // namespace frostr
