// Nonce custody: our secret pairs, which live in memory only, and the public halves peers gave us.
//
// A pair is issued to one member under a random code, leaves the pool once, and is wiped by signing.
// The ledger in the database knows the codes and never the secrets: a code is marked spent there
// before the partial signature made with it leaves. A restart forgets all pairs and voids all codes.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "frostr/frost/shares.h"
#include "frostr/frost/sign.h"
#include "frostr/wire/messages.h"
#include "nostr/base/clock.h"
#include "nostr/base/rng.h"
#include "storage/nonces.h"

namespace frostr {

struct NoncePoolOptions {
  std::size_t size = 16;          ///< pairs out at one member; small, because stale ones cost it time
  std::size_t low_water = 10;     ///< below this the member gets new ones
  std::size_t max_received = 64;  ///< public halves kept of one peer; the oldest go first
  std::size_t burst = 4'000;      ///< pairs one member gets at once by using them up, and then
  std::size_t per_second = 200;   ///< at this rate: nobody fills the ledger
  base::seconds in_transit{10};   ///< an unheard of pair younger than this may still be on its way
};

/// App thread. References outlive the pool.
class NoncePool {
 public:
  NoncePool(const SecretShare& share, storage::NonceLedger& ledger, base::Rng& rng,
            NoncePoolOptions options = {});

  /// At start: every code of an earlier process is void. Returns how many there were.
  Result<std::int64_t> forget_earlier(base::UnixTime now);

  // --- as responder: pairs we issued ---------------------------------------------------------

  /// Fresh pairs for `peer` up to the pool's size, recorded in the ledger; empty while more than
  /// low_water are out. `held` is how many the peer says it has, if it says so: fewer than we
  /// issued means that a message was lost, and the oldest pairs make room.
  Result<std::vector<WireNonce>> top_up(ShareIndex peer, std::optional<std::size_t> held,
                                        base::UnixTime now);
  /// What `peer` says it has of ours, by the first digits of each code. A pair it does not have, and
  /// that cannot be on its way any more, was lost or used in vain: it is wiped and its code void.
  Result<void> reconcile(ShareIndex peer, std::span<const std::string> held, base::UnixTime now);
  /// `peer` has restarted and remembers nothing of ours: all of it is wiped and void.
  Result<void> forget_issued(ShareIndex peer, base::UnixTime now);
  /// The commitment issued to `peer` under `code`, or nullptr once it was taken or voided.
  const NonceCommitment* find(ShareIndex peer, const NonceCode& code) const;
  /// Removes the pair and marks its code spent, durably, for this session and sighash. kConflict
  /// when it is not there. The caller signs only after this returned and its own Tx committed.
  Result<NoncePair> take(ShareIndex peer, const NonceCode& code, const SessionId& session,
                         const nostr::Sha256& sighash, base::UnixTime now);
  /// Wipes the pair and voids the code, if it is there: every reject and every doubt ends here.
  Result<void> discard(ShareIndex peer, const NonceCode& code, base::UnixTime now);
  std::size_t issued(ShareIndex peer) const;
  /// How many pairs were issued to `peer` after `code`, and so how many it still has once it uses
  /// that one: coordinators take the oldest first, and what is older than it was used or lost.
  std::size_t issued_after(ShareIndex peer, const NonceCode& code) const;
  /// Drops codes from the ledger that have been void for a day, and the oldest void ones beyond
  /// 20 000; spent ones stay for ever.
  Result<void> keep_house(base::UnixTime now);

  // --- as coordinator: public halves we may use once ------------------------------------------

  /// Keeps what `peer` sent; codes that are known are ignored.
  void receive(ShareIndex peer, std::span<const WireNonce> nonces);
  /// Takes the oldest.
  std::optional<WireNonce> next(ShareIndex peer);
  /// The peer restarted, or said that it does not know a code: none of them is worth a try.
  void drop_received(ShareIndex peer);
  std::size_t available(ShareIndex peer) const;
  /// The codes we still have of `peer`, by their first `digits`.
  std::vector<std::string> held(ShareIndex peer, std::size_t digits) const;
  std::size_t low_water() const { return options_.low_water; }

  /// A pair for our own part in a session we coordinate; it needs no ledger, since it never leaves
  /// this process before the session is complete.
  NoncePair own_pair();
  NonceCode new_code();

 private:
  struct Issued {
    NonceCode code;
    NoncePair pair;
    base::UnixTime at;
  };
  /// How many pairs a member may still be given; refills with time.
  struct Allowance {
    std::size_t left = 0;
    std::optional<base::UnixTime> counted;
  };
  std::size_t allowance(ShareIndex peer, base::UnixTime now);
  using IssuedList = std::deque<Issued>;
  IssuedList::iterator locate(IssuedList& list, const NonceCode& code);

  const SecretShare& share_;
  storage::NonceLedger& ledger_;
  base::Rng& rng_;
  NoncePoolOptions options_;
  std::map<ShareIndex, IssuedList> issued_;
  std::map<ShareIndex, Allowance> allowances_;
  std::map<ShareIndex, std::deque<WireNonce>> received_;
};

}  // namespace frostr
