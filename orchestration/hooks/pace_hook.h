// The pace of sessions, taken from what their tools and models do — never from what they say about themselves.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "orchestration/hooks/hook.h"
#include "orchestration/pace.h"

namespace orchestration {

/// One meter for the node and one for each session that runs. App thread.
class PaceBook {
 public:
  using Now = std::function<PaceMeter::Time()>;
  explicit PaceBook(Now now = std::chrono::steady_clock::now) : now_(std::move(now)), node_(now_()) {}

  /// Priority 1: counts every call when it ends; two calls of one tool at a time have times of their own.
  /// A session's pace is logged at its end. The book outlives the chain.
  Hook hook();
  PaceSnapshot node() { return node_.snapshot(now_()); }
  /// By session id.
  std::map<std::string, PaceSnapshot> sessions();

 private:
  void record(const std::string& session, PaceAction action);
  Now now_;
  PaceMeter node_;
  std::map<std::string, PaceMeter> sessions_;
  std::map<std::string, PaceMeter::Time> begun_;  ///< by session and call
};

/// {"node": …, "sessions": {id: …}}.
base::json::Value pace_view(PaceBook& book);

}  // namespace orchestration
