// What tools that work on this machine or fetch for the session share: they run, they never draft.
#pragma once

#include <functional>
#include <utility>

#include "nostr/base/loop.h"
#include "nostr/base/workers.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

class LocalTool : public Tool {
 public:
  struct Facts {
    ToolSpec spec;
    Capability capability = Capability::kFile;
    ActionClass action = ActionClass::kReadFile;
    std::string subject_param = "path";  ///< the member of the arguments that subject() gives
  };
  explicit LocalTool(Facts facts) : facts_(std::move(facts)) {}

  const ToolSpec& spec() const final { return facts_.spec; }
  Capability capability() const final { return facts_.capability; }
  ActionClass action() const final { return facts_.action; }
  bool is_outward() const final { return false; }
  std::optional<nostr::Kind> sign_kind() const final { return std::nullopt; }
  std::string subject(const base::json::Value& params) const override {
    return base::json::string_or(params, facts_.subject_param);
  }
  base::Task<base::Result<ActionRequest>> prepare(ToolContext, base::json::Value) final {
    co_return base::fail(base::Errc::kInternal, spec().name + " does not act");
  }

 private:
  Facts facts_;
};

/// Runs `work`, which blocks, on a worker.
inline base::Task<base::Result<std::string>> on_worker(base::Loop& loop, base::Workers& workers,
                                                       std::function<base::Result<std::string>()> work) {
  co_return co_await base::offload<base::Result<std::string>>(loop, workers, std::move(work));
}

}  // namespace orchestration
