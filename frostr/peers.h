// The other members as we see them: who answers, who judges, which one to ask.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "frostr/frost/shares.h"
#include "frostr/wire/hello.h"
#include "nostr/base/clock.h"
#include "nostr/base/json.h"

namespace frostr {

/// What a co-signer says about the lease of the member it answers.
struct LeaseNote {
  bool held = false;     ///< by the process that asked
  base::UnixTime until;  ///< of the lease, whoever holds it; the epoch when nobody does
};

/// What our members add to the bodies of ping requests and answers; stock peers ignore it.
struct PeerNotes {
  std::optional<nostr::PublicKey> service;  ///< `service`: the key that asks the operator and publishes 39213
  bool judges = false;                      ///< `judges`: signs by a policy over whole events
  std::string boot;                         ///< `boot`: new with each life; nonces die with it
  std::optional<LeaseNote> lease;           ///< `lease`: in answers to members that have a runner
  std::optional<Hello> own;                 ///< `own`: how to reach it apart from its share
  std::optional<Hello> seen;                ///< `seen`: the last hello of the reader that it knows
  std::string listens;                      ///< `listens`: the boot of the reader whose key it listens to
  /// `held`: codes of the reader's nonces that it has left, so that lost ones are replaced. The
  /// first kHeldDigits of each, at most kMaxHeld; absent when it does not say.
  std::optional<std::vector<std::string>> held;
  std::optional<nostr::Signature> batch;    ///< `batch`: the issuer's over the nonces beside it

  static constexpr std::size_t kHeldDigits = 16;
  static constexpr std::size_t kMaxHeld = 128;

  void add_to(base::json::Value& body) const;
  /// Liberal: what is missing or malformed stays empty.
  static PeerNotes read(const base::json::Value& body);
};

/// One member, seen from here.
struct Peer {
  ShareIndex idx;
  nostr::PublicKey identity;                ///< its share's x-only key
  std::optional<base::UnixTime> last_seen;  ///< its last message
  bool silent = false;                      ///< it left a call unanswered since then
  std::chrono::milliseconds round_trip{0};  ///< of the last answered call, 0 = none yet
  std::string trouble;                      ///< why it cannot be asked, found by the last ping
  PeerNotes notes;
};

/// Members other than ourselves. App thread, no clock of its own.
class PeerBook {
 public:
  PeerBook(const GroupPackage& group, ShareIndex self);

  void on_message(ShareIndex from, base::UnixTime now);
  void on_answer(ShareIndex from, std::chrono::milliseconds round_trip, base::UnixTime now);
  void on_silence(ShareIndex from);
  /// What the last ping came to; empty when it can be asked.
  void on_trouble(ShareIndex from, std::string why);
  /// Another process of ours acts there until `until`: a rejected call said so.
  void on_lease_held(ShareIndex from, base::UnixTime until);
  /// The member that serves another process now, and until when; nullopt when nobody said so.
  std::optional<std::pair<ShareIndex, base::UnixTime>> lease_elsewhere(base::UnixTime now) const;
  /// Keeps the notes, and what was known of our lease when they are silent on it; true when they show
  /// that the peer has restarted since the last ones.
  bool on_notes(ShareIndex from, const PeerNotes& notes);

  const std::vector<Peer>& all() const { return peers_; }
  const Peer* find(ShareIndex idx) const;
  /// Seen within kOnlineFor and not silent since.
  bool online(ShareIndex idx, base::UnixTime now) const;
  /// Whom to ask, best first: `first` if given, then who is online by round trip, then the rest;
  /// who was silent last comes last.
  std::vector<ShareIndex> order(std::optional<ShareIndex> first, base::UnixTime now) const;

  static constexpr base::seconds kOnlineFor{90};

 private:
  Peer* locate(ShareIndex idx);
  std::vector<Peer> peers_;
};

}  // namespace frostr
