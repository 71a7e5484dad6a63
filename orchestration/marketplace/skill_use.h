// Skills an agent works with: what is open in which tick, what the model is told of it, and what the tick may
// still do (nip-sa 5.5).
//
// An open skill narrows its whole tick, subagents included, to what manifest, licence and operator all grant
// it; several narrow it to what all of them may do. Nothing widens it again before the tick ends: words of
// the skill may be in the conversation by then. The text itself is in memory only; it is told to the model
// with each turn and is in no transcript.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nipsa/capabilities.h"
#include "orchestration/hooks/hook.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

/// The name a grant of `capability` has in manifests: "nostr:read", "http:outbound". "" for what every
/// skill may: the session's own business.
std::string_view skill_grant(Capability capability);

/// A skill that is open. Its text is wiped when it goes.
struct SkillInUse {
  std::string noun =
      "skill";  ///< what it is for who reads of it: a delegation narrows a tick the same way
  std::string name;
  std::string version;
  std::string licence;       ///< address of the 39220
  std::string text;          ///< what the model reads
  nipsa::Capabilities granted;
  bool limits_tools = false;               ///< the skill names the tools it uses
  std::vector<std::string> allowed_tools;  ///< then nothing else is left of them
  /// Whether its licence is good still; looked at before each turn and each call.
  std::function<base::Result<void>()> still_good;

  SkillInUse() = default;
  SkillInUse(SkillInUse&&) = default;
  SkillInUse& operator=(SkillInUse&&) = default;
  ~SkillInUse();
};

/// What is open now, by tick. App thread.
class SkillBench {
 public:
  void put(const std::string& tick, SkillInUse skill);
  /// It was open before this process and cannot be opened again: the tick stays narrowed to nothing.
  void put_shut(const std::string& tick, const std::string& licence, const std::string& why);
  bool has(const std::string& tick, std::string_view licence) const;
  bool empty(const std::string& tick) const { return !ticks_.contains(tick); }
  /// The tick is over.
  void clear(const std::string& tick) { ticks_.erase(tick); }

  /// For the model's instructions; "" when nothing is open.
  std::string text(const std::string& tick);
  /// Why `call` is not for the skills of its tick; nullopt when it is.
  std::optional<std::string> objection(const ToolInvocation& call);

 private:
  struct Entry {
    SkillInUse skill;
    std::string shut;  ///< why it does not open any more; "" while it is open
  };
  void look_again(Entry& entry);
  std::map<std::string, std::vector<Entry>> ticks_;
};

/// Opens what the agent holds, for the tick of a claim. Implemented by `node`.
class SkillSource {
 public:
  virtual ~SkillSource() = default;
  /// kNotFound, kDenied with the reason for the model; kUnavailable: later.
  virtual base::Task<base::Result<SkillInUse>> use(std::string name, std::string tick,
                                                   nostr::EventId claim) = 0;
};

/// Blocks what the open skills may not, and tells the model what they say. Guarded. `bench` outlives it.
Hook skill_gate(SkillBench& bench);
/// use_skill. References outlive it.
std::unique_ptr<Tool> make_use_skill(SkillBench& bench, SkillSource& source);

}  // namespace orchestration
