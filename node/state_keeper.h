// StateKeeper: the agent's memory where it lies, on the relays — a head (39201) and the parts it
// names (30078).
//
// Opened whole or not at all: a part that no relay has any more is an error that says so, never a
// memory that is silently shorter. Source: nip-sa 3.2.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "frostr/threshold_signer.h"
#include "nipsa/state_parts.h"
#include "nostr/base/json.h"
#include "nostr/client/pool.h"
#include "storage/events.h"
#include "storage/kv.h"

namespace node {

/// What this home knows of the state since it last opened or saved it. The state itself is sealed,
/// and only during a tick is it open.
struct StateFacts {
  std::optional<nostr::EventId> head;
  std::int64_t tick_count = 0;
  std::size_t memories = 0;
  std::size_t goals = 0;
  std::size_t parts = 0;
  base::UnixTime at;    ///< when it was opened or saved
  std::string problem;  ///< why `head` could not be opened; "" when it was
  friend bool operator==(const StateFacts&, const StateFacts&) = default;
};
/// head, tick_count, memories, goals, parts, at, problem.
base::json::Value state_view(const StateFacts& facts);

/// The facts, and the operator's word to go on with what is left of a state that cannot be opened
/// whole.
class StateBook {
 public:
  explicit StateBook(storage::Db& db) : kv_(db) {}
  /// Empty before the first tick.
  base::Result<StateFacts> facts();
  base::Result<void> keep(const StateFacts& facts);
  base::Result<void> keep_problem(const nostr::EventId& head, std::string_view why,
                                  base::UnixTime now);
  /// Lets exactly the head that could not be opened be opened without what is lost. kNotFound when
  /// nothing is wrong with it.
  base::Result<StateFacts> accept();
  base::Result<bool> is_accepted(const nostr::EventId& head);

 private:
  storage::Kv kv_;
};

/// `method` is state-show or state-accept.
base::Result<base::json::Value> answer_state(StateBook& book, std::string_view method);

/// App thread. References outlive it.
class StateKeeper {
 public:
  struct Deps {
    nostr::Pool& pool;
    storage::Db& db;
    const base::Clock& clock;
    base::Rng& rng;
    frostr::ThresholdSigner& signer;
  };
  StateKeeper(Deps deps, std::vector<std::string> relays);

  struct Opened {
    nipsa::State state;
    std::optional<nostr::Event> head;        ///< nullopt: the agent has none yet
    std::vector<nipsa::StatePartRef> parts;  ///< that the head names
  };
  /// The newest state, whole. kUnavailable: ask again, a relay that may have it did not answer.
  /// Final, with a code of nipsa (state_is_lost()): E_REF and E_HASH for a part that is lost,
  /// E_CONFLICT for a head that counts fewer ticks than the one this home saw last, and what the
  /// codecs say of a head they cannot read.
  base::Task<base::Result<Opened>> open(nostr::EventId claim);

  /// In the order in which they have to be published.
  struct Sealed {
    std::vector<nostr::Draft> parts;
    nostr::Draft head;
    StateFacts facts;           ///< once the head is published
    std::size_t forgotten = 0;  ///< memories for which there was no room
  };
  enum class Overflow { kParts, kForget };
  /// `opened` with its state changed, sealed for the agent itself. kForget: only what fits into the
  /// head.
  base::Task<base::Result<Sealed>> seal(Opened opened, nostr::EventId claim, Overflow overflow);

 private:
  base::Task<base::Result<std::optional<nostr::Event>>> newest_head();
  base::Task<base::Result<nostr::ConversationKey>> own_key(nostr::EventId claim);
  base::Task<base::Result<Opened>> open_head(nostr::Event head, StateFacts before,
                                           nostr::EventId claim);
  base::Task<base::Result<nipsa::State>> join(nipsa::State head,
                                              std::vector<nipsa::StatePartRef> refs,
                                              nostr::EventId claim, bool without_lost);
  base::Result<std::map<std::uint32_t, std::string>> known_parts(
      const std::vector<nipsa::StatePartRef>& refs, const nostr::ConversationKey& key);
  base::Result<nostr::Draft> part_draft(const nostr::ConversationKey& key,
                                        const nipsa::StatePart& part);

  Deps deps_;
  std::vector<std::string> relays_;
  storage::EventDb events_;
  StateBook book_;
};

/// Whether an error of open() is final: asking again cannot help.
bool state_is_lost(const base::Error& error);

}  // namespace node
