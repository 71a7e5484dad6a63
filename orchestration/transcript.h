// Transcript: what was said and done in a session, committed before it is acted on.
//
// Two tables tell everything (storage/sessions.h): messages in order, and a row per tool call that
// goes proposed → started → finished. A session is a function of its transcript: after a restart it
// reads the rows and goes on at the exact step.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestration/hooks/hook.h"
#include "orchestration/llm/backend.h"
#include "orchestration/tools/outside.h"
#include "storage/sessions.h"

namespace orchestration {

enum class SessionStatus { kSuccess, kPartial, kError };
/// "success", "partial", "error": the words of 39211.
std::string_view session_status_name(SessionStatus status);
base::Result<SessionStatus> parse_session_status(std::string_view name);

/// Why a session stopped other than by having nothing more to say.
struct Ending {
  SessionStatus status = SessionStatus::kError;
  std::string detail;  ///< short and stable, e.g. "limit-turns"
  std::string text;    ///< for a person
};

struct TranscriptMessage {
  Message message;
  Usage usage;                   ///< kAssistant, and what a summary cost
  std::optional<Ending> ending;  ///< the last message of a session that was stopped
  /// A summary: it stands for the messages before this one, but for the system prompt (prompt_window.h).
  std::optional<std::size_t> folds;
  base::UnixTime at;
};

/// How a call is carried out: fixed, and committed, before anything happens.
struct CallPlan {
  std::string tool;
  base::json::Value params;
  std::optional<ActionRequest> request;  ///< for Outside::act()
  std::string local_ask;                 ///< not empty: Outside::approve() first, with this reason
};

struct CallRecord {
  std::string call_id;
  CallPlan plan;
  storage::CallState state = storage::CallState::kProposed;
  ToolOutput output;  ///< once finished
  base::UnixTime created;
  base::UnixTime changed;
};

/// The transcript of one session, in memory and in storage. Each change is durable when the call
/// returns. App thread.
class Transcript {
 public:
  /// `sessions` outlives the transcript.
  Transcript(storage::Sessions& sessions, std::string session);
  /// Reads what is stored; kDatabase when it cannot be understood.
  base::Result<void> load();

  const std::vector<TranscriptMessage>& messages() const { return messages_; }
  /// Calls in the order they were proposed.
  const std::vector<CallRecord>& calls() const { return calls_; }
  const CallRecord* call(std::string_view call_id) const;

  base::Result<void> append(TranscriptMessage message);
  base::Result<void> propose(std::string call_id, CallPlan plan, base::UnixTime now);
  base::Result<void> start(std::string_view call_id, base::UnixTime now);
  base::Result<void> finish(std::string_view call_id, ToolOutput output, base::UnixTime now);

 private:
  CallRecord* find(std::string_view call_id);

  storage::Sessions& sessions_;
  std::string session_;
  std::vector<TranscriptMessage> messages_;
  std::vector<CallRecord> calls_;
};

}  // namespace orchestration
