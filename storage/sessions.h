// Sessions: the transcript and the tool calls of an agent's session, so that a restart resumes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/db.h"

namespace storage {

/// started without finished after a restart: the effect may have happened.
enum class CallState { kProposed, kStarted, kFinished };
enum class SessionState { kRunning, kEnded, kFailed };

template <>
struct EnumText<CallState> {
  static constexpr std::array<std::string_view, 3> kNames{"proposed", "started", "finished"};
};
template <>
struct EnumText<SessionState> {
  static constexpr std::array<std::string_view, 3> kNames{"running", "ended", "failed"};
};

struct SessionRow {
  std::string id;
  std::string tick;   ///< slot, "" outside a tick
  std::string agent;  ///< name of the agent's configuration
  std::string model;
  SessionState state = SessionState::kRunning;
  std::string note;   ///< why it ended
  UnixTime started;
  std::optional<UnixTime> ended;
};

struct MessageRow {
  std::int64_t seq = 0;  ///< 1, 2, 3 …
  std::string role;      ///< "system", "user", "assistant", "tool"
  std::string json;
  UnixTime time;
};

struct CallRow {
  std::string session;
  std::string call_id;
  std::string name;
  std::string args_json;
  CallState state = CallState::kProposed;
  std::string result_json;
  UnixTime created;
  UnixTime changed;
};

/// App thread. Changes are kFull: they are committed before they are acted on.
class Sessions {
 public:
  explicit Sessions(Db& db) : db_(db) {}

  /// False when the id exists.
  Result<bool> add(const SessionRow& session);
  /// running → ended | failed; kConflict otherwise.
  Result<void> finish(std::string_view id, SessionState to, std::string_view note, UnixTime now);
  Result<std::optional<SessionRow>> get(std::string_view id);
  Result<std::vector<SessionRow>> list_running();
  Result<std::vector<SessionRow>> of_tick(std::string_view tick);

  /// Appends to the transcript; the new seq.
  Result<std::int64_t> append(std::string_view id, std::string_view role, std::string_view json,
                              UnixTime now);
  Result<std::vector<MessageRow>> transcript(std::string_view id);

  /// Records a call as proposed; false when (session, call id) exists.
  Result<bool> add_call(std::string_view session, std::string_view call_id, std::string_view name,
                        std::string_view args_json, UnixTime now);
  /// proposed → started, before the effect; kConflict otherwise: it may not run a second time.
  Result<void> start_call(std::string_view session, std::string_view call_id, UnixTime now);
  /// proposed (refused, denied) or started → finished with its result.
  Result<void> finish_call(std::string_view session, std::string_view call_id,
                           std::string_view result_json, UnixTime now);
  Result<std::optional<CallRow>> call(std::string_view session, std::string_view call_id);
  Result<std::vector<CallRow>> calls(std::string_view session);

 private:
  Db& db_;
};

}  // namespace storage
