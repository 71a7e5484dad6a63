// The shell around a share: relays in and out, requests to the co-signer, answers to waiting calls.
//
// `run` and `cosigner` both use it; what differs is the policy (a node that only requests has one
// without requesters, so it answers ping and echo and refuses the rest) and who is pinged.
//
// Pings carry members that stock peers ignore (PeerNotes in frostr/peers.h): `service` (hex key of
// the process that asks the operator and publishes 39213; a 39212 is addressed to it), `judges`
// (true when the member signs by policy over whole events), `boot` (new with each process, as its
// nonces are), and what frostr/own_mode.h explains.
// Answers to a node add `lease`, whether it is the process that acts for its member; see lease.h.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "frostr/cosigner.h"
#include "frostr/nonce_pool.h"
#include "frostr/peers.h"
#include "frostr/wire/envelope.h"
#include "frostr/wire/transport.h"
#include "nostr/base/loop.h"
#include "nostr/client/feed.h"

namespace frostr {

struct BifrostOptions {
  std::vector<std::string> relays;           ///< where kind 20000 travels
  Policy policy;
  CosignerOptions cosigner;
  NoncePoolOptions nonces;
  ApprovalBook* approvals = nullptr;         ///< outlives the node
  bool coordinates = true;                   ///< we ask for signatures, so we keep stocks of nonces
  /// Set by a node that acts for its member as its runner; the key outlives the node.
  struct Lease {
    const nostr::SecretKey* runner = nullptr;
    std::string home;              ///< of frostr/lease.h
    std::int64_t generation = 0;
  };
  std::optional<Lease> lease;
  bool follow = false;                       ///< keep our own view of heads and claims (co-signers)
  std::chrono::milliseconds connect_wait{5'000};   ///< for the first relay at start
  std::chrono::milliseconds follow_grace{3'000};   ///< for the other relays after the first EOSE
  std::chrono::milliseconds ping_interval{30'000};  ///< a lease is renewed as often
  std::chrono::milliseconds fenced_interval{5'000};  ///< between pings while another process acts
  std::chrono::milliseconds ping_timeout{3'000};
  std::chrono::milliseconds refresh_timeout{1'500};
  std::size_t max_requests_per_second = 400;       ///< of one member; more are dropped
  std::size_t max_in_flight = 256;                 ///< publications and refreshes at one time
  bool own_mode = true;                            ///< talk apart from the shares with those who can
  std::optional<nostr::SecretKey> transport_key;   ///< for it; absent = a fresh one, as it should be
};

/// An answer to a call of ours.
using RpcReply = std::variant<RpcAccept, RpcReject>;

/// One member of the group on its relays. App thread.
class BifrostNode {
  struct Call;

 public:
  struct Deps {
    base::Loop& loop;
    nostr::Pool& pool;
    storage::Db& db;
    const base::Clock& clock;
    base::Rng& rng;
  };
  /// A request of ours under way. Dying, it is forgotten, and a late answer with it.
  class Pending {
   public:
    Pending(Pending&&) noexcept = default;
    Pending& operator=(Pending&& other) noexcept;
    ~Pending();
    ShareIndex peer() const;
    std::chrono::milliseconds age() const;
    /// Once it has ended: the answer, kUnavailable when no relay took the message, kConflict when the
    /// peer has restarted meanwhile and may be asked anew.
    std::optional<Result<RpcReply>> take();

   private:
    friend class BifrostNode;
    Pending(BifrostNode& node, std::string id, std::shared_ptr<Call> call)
        : node_(&node), id_(std::move(id)), call_(std::move(call)) {}
    BifrostNode* node_;
    std::string id_;
    std::shared_ptr<Call> call_;
  };

  /// kCrypto or kNotFound when the share is not of the group. All of `deps` outlive the node. A new
  /// life of the home begins and is remembered in the database.
  static Result<std::unique_ptr<BifrostNode>> create(Deps deps, GroupPackage group, SecretShare share,
                                                     BifrostOptions options);
  ~BifrostNode();
  BifrostNode(const BifrostNode&) = delete;
  BifrostNode& operator=(const BifrostNode&) = delete;

  /// Voids the nonces of an earlier process, subscribes, waits up to connect_wait for a relay, then
  /// keeps pinging. Without a relay it keeps trying and returns kUnavailable.
  base::Task<Result<void>> start();
  /// Cancels what is under way and waits for it. Needed before destruction once started.
  base::Task<void> stop();

  /// Sends a request to `peer` and looks for its answer later: take() after wait_for_news().
  Result<Pending> begin_call(ShareIndex peer, std::string method, std::string params0);
  /// Until any call has ended or any ping is through, at most `limit`.
  base::Task<void> wait_for_news(std::chrono::milliseconds limit);
  /// `peer` let a call of ours wait too long.
  void gave_up(ShareIndex peer) { peers_.on_silence(peer); }
  /// Sends a request to `peer` and waits for its answer. kTimeout when none came (the peer then
  /// counts as silent), kUnavailable when no relay took the message.
  base::Task<Result<RpcReply>> call(ShareIndex peer, std::string method, std::string params0,
                                    std::chrono::milliseconds limit);
  /// Exchanges nonces and notes with `peer`.
  base::Task<Result<void>> ping(ShareIndex peer);
  /// Asks `peer` for nonces as a member that has none. A stock peer counts what it gave an earlier
  /// run of ours as still here and adds nothing to its pings; this it always answers.
  base::Task<Result<void>> onboard(ShareIndex peer);

  /// Pings `peer` in the background, unless that is under way: e.g. because its nonces run low. What
  /// it comes to is in PeerBook (`trouble`).
  void want_ping(ShareIndex peer);
  bool is_pinging(ShareIndex peer) const { return pinging_.contains(peer); }
  /// Whether sign and ecdh travel to `peer` apart from the shares.
  bool talks_apart(ShareIndex peer) const;
  /// Voids what was issued to a member and drops what it issued to us, because this process may not
  /// be what it seems; peers are told.
  void doubt(std::string_view why);
  /// The co-signer that serves another process of our member, and until when: nothing may be asked
  /// of anybody meanwhile.
  std::optional<std::pair<ShareIndex, base::UnixTime>> lease_elsewhere() const {
    return peers_.lease_elsewhere(deps_.clock.now());
  }

  const GroupPackage& group() const { return group_; }
  const SecretShare& share() const { return share_; }
  NoncePool& nonces() { return nonces_; }
  PeerBook& peers() { return peers_; }
  Cosigner& cosigner() { return cosigner_; }
  base::Loop& loop() { return deps_.loop; }
  const base::Clock& clock() const { return deps_.clock; }
  base::Rng& rng() { return deps_.rng; }
  /// Replaces the policy and what is followed for it.
  void set_policy(Policy policy);

 private:
  BifrostNode(Deps deps, GroupPackage group, SecretShare share, nostr::SecretKey identity,
              BifrostOptions options);

  void follow();
  void on_view(const std::string& relay);
  base::Task<void> end_grace();
  bool on_followed(std::span<const nostr::Delivery> events);
  void on_message(const nostr::Event& event);
  void on_request(Transport& line, const OpenedMessage& message, const RpcRequest& request);
  void on_reply(ShareIndex from, const std::string& id, RpcReply reply);
  void reply(Transport& line, nostr::PublicKey to, std::string text);
  bool within_rate(ShareIndex from);
  Transport* line_of(const nostr::PublicKey& author);
  Result<void> begin_life();
  void greet();
  void follow_pins();
  void lose_calls(ShareIndex peer);
  nostr::Filters message_filters() const;
  void check_clock();
  base::Task<void> send(Transport& line, nostr::PublicKey to, std::string text, std::string call_id);
  base::Task<void> refresh_and_answer(Transport& line, ShareIndex from, nostr::PublicKey author,
                                      RpcRequest request, nostr::Filters filters);
  base::Task<void> keep_pinging();
  base::Task<void> ping_once(ShareIndex peer);
  base::Task<std::string> contact(ShareIndex peer);
  void keep_house();
  bool wants_ping(ShareIndex peer) const;
  std::string ping_body(ShareIndex peer);
  base::Task<void> say_goodbye(ShareIndex peer);
  base::Task<void> give_up_leases();
  std::vector<std::string> follow_relays() const;

  Deps deps_;
  GroupPackage group_;
  SecretShare share_;
  Transport transport_;            ///< under the share
  BifrostOptions options_;
  std::unique_ptr<OwnMode> own_;   ///< null when switched off
  std::optional<Transport> apart_; ///< under its transport key
  storage::NonceLedger ledger_;
  NoncePool nonces_;
  PeerBook peers_;
  Cosigner cosigner_;
  std::map<std::string, std::shared_ptr<Call>> calls_;
  std::map<ShareIndex, std::pair<base::UnixTime, std::size_t>> rate_;
  std::set<ShareIndex> pinging_;
  base::Signal connected_;
  base::Signal news_;
  base::Signal fenced_;  ///< another process of our member has begun to be served
  bool is_connected_ = false;
  base::UnixTime kept_house_;
  std::unique_ptr<nostr::Subscription> messages_;
  std::unique_ptr<nostr::Feed> heads_;
  std::set<std::string> unheard_;  ///< followed relays that have not sent what they have
  std::size_t view_relays_ = 0;    ///< how many are followed
  bool leaving_ = false;  ///< says goodbye: nothing more may claim a lease
  base::Scope scope_;
};

}  // namespace frostr
