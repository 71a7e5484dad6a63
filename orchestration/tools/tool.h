// Tool: one thing an agent can do, described to the model and run by the session.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/task.h"
#include "orchestration/hooks/hook.h"
#include "orchestration/trigger.h"

namespace orchestration {

/// What a running call may know of its surroundings.
struct ToolContext {
  Trigger trigger;
  std::string session;
  std::string agent;    ///< id of who calls
  std::string call_id;  ///< unique in its tick
  bool ask = false;  ///< the node demands the operator's word (ActionRequest::ask)
};

/// One tool. Stateless between calls; refers only to things that outlive the session. App thread.
///
/// An outward tool works in two steps so that a restart repeats exactly what was decided:
/// prepare() turns the arguments into an ActionRequest, which the session commits, and the session
/// then hands it to Outside::act(). Other tools do their work in run().
class Tool {
 public:
  virtual ~Tool() = default;
  virtual const ToolSpec& spec() const = 0;
  virtual Capability capability() const = 0;
  virtual ActionClass action() const = 0;
  /// Whether the tool acts on the outside: then it implements prepare(), else run().
  virtual bool is_outward() const = 0;
  /// The kind prepare() will draft under the agent's name, for the permission gate.
  virtual std::optional<nostr::Kind> sign_kind() const = 0;
  /// What rules about single paths, hosts and commands look at; empty when there is nothing of the kind.
  /// Several paths stand on a line each, and every one of them must be permitted.
  virtual std::string subject(const base::json::Value& params) const;
  /// `params` fits spec().parameters. An error is told to the model as the call's result, except
  /// kUnavailable, which stops the session so that it can go on later.
  virtual base::Task<base::Result<ActionRequest>> prepare(ToolContext context, base::json::Value params) = 0;
  virtual base::Task<base::Result<std::string>> run(ToolContext context, base::json::Value params) = 0;
};

/// The tools of one agent, by name.
class ToolRegistry {
 public:
  /// kConflict when the name is taken.
  base::Result<void> add(std::unique_ptr<Tool> tool);
  /// Adds or replaces. A tool that is replaced lives on for calls that are under way.
  void put(std::unique_ptr<Tool> tool);
  Tool* find(std::string_view name) const;
  /// Specs of the tools `permissions` shows, in the order added.
  std::vector<ToolSpec> specs(const Permissions& permissions) const;
  /// A hint at the known names for somebody who wrote `name`.
  std::string suggest(std::string_view name) const;

 private:
  std::vector<std::unique_ptr<Tool>> tools_;
  std::vector<std::unique_ptr<Tool>> retired_;
};

}  // namespace orchestration
