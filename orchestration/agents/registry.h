// AgentRegistry: the agents of one node, after the operator's configuration. Immutable; whoever runs with
// one keeps it, and a new configuration makes a new one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orchestration/agents/patch.h"

namespace orchestration {

class AgentRegistry {
 public:
  struct Entry {
    AgentSpec spec;
    bool builtin = true;
    bool enabled = true;
    std::vector<std::string> origins;  ///< where the configuration speaks of it
  };
  /// What is common to all of them.
  struct Frame {
    std::string name;           ///< how the primary agent introduces itself; "" keeps its own
    Level level = Level::kSupervised;
    std::string default_agent;  ///< id; "" takes the only primary there is
  };

  /// The seven, changed and joined by `patches`, in order. kInvalid names agent and place: an id that is
  /// none, an own agent without prompt or purpose, a task to an agent that is not there, several
  /// primaries and no default, or none.
  static base::Result<AgentRegistry> create(const Frame& frame, const std::vector<AgentPatch>& patches);

  /// Of any case. kNotFound with the nearest name; kDenied for one that is switched off.
  base::Result<const Entry*> find(std::string_view id) const;
  /// Who answers for the node.
  const AgentSpec& primary() const { return entries_[primary_].spec; }
  /// The primary first, then by id; those switched off included.
  const std::vector<Entry>& all() const { return entries_; }
  /// To whom `agent` may hand a task, by id.
  std::vector<const AgentSpec*> helpers_of(const AgentSpec& agent) const;

 private:
  AgentRegistry() = default;
  base::Result<void> add(const AgentPatch& patch);
  base::Result<void> check_links() const;
  base::Result<std::size_t> choose_primary(const std::string& default_agent) const;
  Entry* locate(std::string_view id);
  std::vector<std::string> ids() const;

  std::vector<Entry> entries_;
  std::size_t primary_ = 0;
};

}  // namespace orchestration
