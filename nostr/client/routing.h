// The outbox model (NIP-65): authors are read where they write, people are reached where they read.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "nostr/client/relay_health.h"
#include "nostr/event/event.h"

namespace nostr {

/// The newest relay lists of people: kind 10002 and kind 10050. The content of kind 3, where old
/// clients kept relays, is not looked at. Bounded; pure.
class RelayBook {
 public:
  /// `trusted` relays may be private; what strangers' lists name inside our own network is left out.
  explicit RelayBook(const std::vector<std::string>& trusted, std::size_t capacity = 10'000);

  /// Takes a verified list if it is newer than what is known; whether it was.
  bool learn(const Event& event);

  /// In the order of the list, in normal form; empty when none is known.
  std::vector<std::string> write_relays(const PublicKey& person) const;
  std::vector<std::string> read_relays(const PublicKey& person) const;
  /// Where `person` reads private messages: empty means that NIP-17 must not be used.
  std::vector<std::string> dm_relays(const PublicKey& person) const;
  bool has_relay_list(const PublicKey& person) const { return lists_.contains({person, kinds::kRelayList}); }
  bool has_dm_relays(const PublicKey& person) const { return lists_.contains({person, kinds::kDmRelays}); }

 private:
  using Key = std::pair<PublicKey, Kind>;
  const Event* find(const PublicKey& person, Kind kind) const;
  std::vector<std::string> usable(std::vector<std::string> relays) const;

  std::set<std::string> trusted_;
  const std::size_t capacity_;
  std::map<Key, Event> lists_;
};

struct RoutingLimits {
  std::size_t max_relays = 20;         ///< that one plan connects to
  std::size_t per_person = 2;          ///< relays that should cover each person
  std::size_t max_authors = 200;       ///< in one filter; longer lists are refused by some relays
};

/// What to ask of one relay: each chunk of authors in a filter of its own.
struct Route {
  std::string relay;
  std::vector<std::vector<PublicKey>> authors;
};

/// Where to read `authors`: the fewest relays that cover each of them `per_person` times where their
/// lists allow (greedy set cover), living ones first. Authors without a usable list are asked for at
/// every one of `fallback`, which count towards max_relays. Nobody is left out while max_relays ≥ 1
/// and `fallback` names a relay.
std::vector<Route> plan_reading(std::span<const PublicKey> authors, const RelayBook& book,
                                const RelayHealth& health, const std::vector<std::string>& fallback,
                                UnixTime now, const RoutingLimits& limits = {});

/// Where to publish what is said to `recipients`: all of `own`, then the first living read relays of
/// each recipient in turn, per_person of each, max_relays in all.
std::vector<std::string> plan_publishing(const std::vector<std::string>& own,
                                         std::span<const PublicKey> recipients,
                                         const RelayBook& book, const RelayHealth& health,
                                         UnixTime now, const RoutingLimits& limits = {});

/// `relays` with the dead ones last: somebody's only relay is tried all the same.
std::vector<std::string> living_first(std::vector<std::string> relays, const RelayHealth& health,
                                      UnixTime now);

/// Whether `url` could lead anywhere but into this machine or its network, as far as its text tells;
/// a name that resolves to a private address is found out when it is resolved.
bool is_public_relay(const std::string& url);

}  // namespace nostr
