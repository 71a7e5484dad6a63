// Relay lists and the plans made from them.
#include "nostr/client/routing.h"

#include <algorithm>

#include "nostr/net/address.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

bool holds(const std::vector<std::string>& list, const std::string& url) {
  return std::ranges::find(list, url) != list.end();
}

std::vector<std::string> normal(const std::vector<std::string>& urls) {
  std::vector<std::string> out;
  for (const std::string& url : urls)
    if (is_relay_url(url) && !holds(out, normalize_relay_url(url)))
      out.push_back(normalize_relay_url(url));
  return out;
}

std::vector<std::vector<PublicKey>> chunks(const std::vector<PublicKey>& authors, std::size_t most) {
  std::vector<std::vector<PublicKey>> out;
  for (const PublicKey& author : authors) {
    if (out.empty() || out.back().size() >= most) out.emplace_back();
    out.back().push_back(author);
  }
  return out;
}

}  // namespace

bool is_public_relay(const std::string& url) {
  const auto parts = parse_ws_url(url);
  if (!parts) return false;
  const std::string& host = parts->host;
  if (is_numeric_address(host)) return !is_private_address(host);
  // A name without a dot is one of the local network; these endings are local or need a proxy.
  if (!host.contains('.')) return false;
  return std::ranges::none_of(
      std::initializer_list<std::string_view>{".local", ".localhost", ".internal", ".lan", ".home.arpa",
                                              ".onion", ".i2p"},
      [&](std::string_view end) { return host.ends_with(end); });
}

// --- the book ---

RelayBook::RelayBook(const std::vector<std::string>& trusted, std::size_t capacity)
    : capacity_(std::max<std::size_t>(capacity, 1)) {
  for (const std::string& url : trusted) trusted_.insert(normalize_relay_url(url));
}

bool RelayBook::learn(const Event& event) {
  if (event.kind != kinds::kRelayList && event.kind != kinds::kDmRelays) return false;
  const Key key{event.pubkey, event.kind};
  const auto it = lists_.find(key);
  if (it != lists_.end()) {
    if (!replaces(event, it->second)) return false;
    it->second = event;
    return true;
  }
  // Which one goes is of no matter: it is looked up again when it is needed.
  if (lists_.size() >= capacity_) lists_.erase(lists_.begin());
  lists_.emplace(key, event);
  return true;
}

const Event* RelayBook::find(const PublicKey& person, Kind kind) const {
  const auto it = lists_.find({person, kind});
  return it == lists_.end() ? nullptr : &it->second;
}

std::vector<std::string> RelayBook::usable(std::vector<std::string> relays) const {
  std::vector<std::string> out = normal(relays);
  std::erase_if(out, [this](const std::string& url) {
    return !trusted_.contains(url) && !is_public_relay(url);
  });
  return out;
}

std::vector<std::string> RelayBook::write_relays(const PublicKey& person) const {
  const Event* list = find(person, kinds::kRelayList);
  const auto parsed = list ? parse_relay_list(*list) : RelayList{};
  return parsed ? usable(parsed->write) : std::vector<std::string>{};
}

std::vector<std::string> RelayBook::read_relays(const PublicKey& person) const {
  const Event* list = find(person, kinds::kRelayList);
  const auto parsed = list ? parse_relay_list(*list) : RelayList{};
  return parsed ? usable(parsed->read) : std::vector<std::string>{};
}

std::vector<std::string> RelayBook::dm_relays(const PublicKey& person) const {
  const Event* list = find(person, kinds::kDmRelays);
  auto parsed = list ? parse_dm_relays(*list) : std::vector<std::string>{};
  return parsed ? usable(*std::move(parsed)) : std::vector<std::string>{};
}

// --- plans ---

std::vector<std::string> living_first(std::vector<std::string> relays, const RelayHealth& health,
                                      UnixTime now) {
  std::vector<std::string> living, dead;
  for (std::string& url : relays)
    (health.is_dead(url, now) ? dead : living).push_back(std::move(url));
  living.insert(living.end(), std::move_iterator(dead.begin()), std::move_iterator(dead.end()));
  return living;
}

namespace {

/// The cover of authors by relays while it is being made.
class Cover {
 public:
  Cover(const RelayHealth& health, UnixTime now, const RoutingLimits& limits)
      : health_(health), now_(now), limits_(limits) {}

  void add(const PublicKey& author, const std::vector<std::string>& relays) {
    missing_[author] = std::min(limits_.per_person, relays.size());
    for (const std::string& url : relays) candidates_[url].push_back(author);
  }

  /// Takes the relay that helps most, again and again. A dead one is taken only for authors whom no
  /// living relay has, so the living are used up first.
  void choose(std::size_t most) {
    for (const bool dead : {false, true})
      while (chosen_.size() < most) {
        const auto best = best_candidate(dead);
        if (best == candidates_.end()) break;
        for (const PublicKey& author : best->second) {
          std::size_t& missing = missing_[author];
          if (missing == 0) continue;
          --missing;
          covered_.insert(author);
          chosen_[best->first].push_back(author);
        }
        candidates_.erase(best);
      }
  }

  bool covers(const PublicKey& author) const { return covered_.contains(author); }
  const std::map<std::string, std::vector<PublicKey>>& chosen() const { return chosen_; }

 private:
  using Candidates = std::map<std::string, std::vector<PublicKey>>;

  Candidates::iterator best_candidate(bool dead) {
    auto best = candidates_.end();
    std::size_t most = 0;
    for (auto it = candidates_.begin(); it != candidates_.end(); ++it) {
      if (health_.is_dead(it->first, now_) != dead) continue;
      const auto helped = static_cast<std::size_t>(
          std::ranges::count_if(it->second, [&](const PublicKey& author) {
            return dead ? !covers(author) : missing_.at(author) > 0;
          }));
      if (helped > most) {
        most = helped;
        best = it;
      }
    }
    return best;
  }

  const RelayHealth& health_;
  const UnixTime now_;
  const RoutingLimits& limits_;
  std::map<PublicKey, std::size_t> missing_;  ///< relays that an author still wants
  std::set<PublicKey> covered_;
  Candidates candidates_;
  std::map<std::string, std::vector<PublicKey>> chosen_;
};

}  // namespace

std::vector<Route> plan_reading(std::span<const PublicKey> authors, const RelayBook& book,
                                const RelayHealth& health, const std::vector<std::string>& fallback,
                                UnixTime now, const RoutingLimits& limits) {
  const std::set<PublicKey> people(authors.begin(), authors.end());
  const std::vector<std::string> known = normal(fallback);
  const std::size_t reserved = std::min(known.size(), limits.max_relays);
  Cover cover(health, now, limits);
  for (const PublicKey& person : people) cover.add(person, book.write_relays(person));
  cover.choose(limits.max_relays - reserved);

  std::map<std::string, std::vector<PublicKey>> at = cover.chosen();
  for (const PublicKey& person : people)
    if (!cover.covers(person))
      for (std::size_t i = 0; i < reserved; ++i) at[known[i]].push_back(person);
  std::vector<Route> routes;
  for (const auto& [relay, wanted] : at)
    routes.push_back({relay, chunks(wanted, std::max<std::size_t>(limits.max_authors, 1))});
  return routes;
}

std::vector<std::string> plan_publishing(const std::vector<std::string>& own,
                                         std::span<const PublicKey> recipients,
                                         const RelayBook& book, const RelayHealth& health,
                                         UnixTime now, const RoutingLimits& limits) {
  std::vector<std::string> out = normal(own);
  std::vector<std::vector<std::string>> wanted;
  for (const PublicKey& person : recipients)
    wanted.push_back(living_first(book.read_relays(person), health, now));
  // In turn, so that the first recipient's list does not use up the room of the others.
  for (std::size_t rank = 0; rank < limits.per_person; ++rank)
    for (const std::vector<std::string>& relays : wanted) {
      if (rank >= relays.size() || holds(out, relays[rank])) continue;
      if (out.size() >= limits.max_relays) return out;
      if (rank > 0 && health.is_dead(relays[rank], now)) continue;
      out.push_back(relays[rank]);
    }
  return out;
}

}  // namespace nostr
