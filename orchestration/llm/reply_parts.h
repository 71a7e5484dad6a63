// What every dialect needs: careful reading of other people's JSON, and the last steps to a reply. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/llm/backend.h"

namespace orchestration {

inline constexpr std::size_t kMaxReplyBytes = 4u << 20;   ///< of one event or document
inline constexpr std::size_t kMaxStreamBytes = 16u << 20; ///< of all events of an answer
inline constexpr std::size_t kMaxCallsInReply = 64;

/// A document of a model server.
base::Result<base::json::Value> parse_wire(std::string_view text);

/// Member `key`, or nothing when `object` is none, lacks it, or holds null there.
const base::json::Value* member(const base::json::Value& object, const char* key);
/// The text of a string, else "".
std::string text_of(const base::json::Value* value);
/// A count of tokens between 0 and 10^9; 0 for anything that is no whole number.
std::uint64_t count_of(const base::json::Value* value);
/// A call's arguments as text: servers send a string of JSON or the object itself.
std::string arguments_of(const base::json::Value* value);

/// Bytes of prompt an estimate is taken over: messages, arguments and tool descriptions.
std::size_t prompt_bytes(const Request& request);
std::size_t message_bytes(const Message& message);

/// A tool as chat completions and Ollama describe it.
base::json::Value tool_json(const ToolSpec& tool);
/// Words that ask for an answer in JSON, for servers that cannot be made to.
std::string schema_in_words(const base::json::Value& schema);

struct ReplyParts {
  std::string text;
  std::vector<ToolCall> calls;
  std::optional<Finish> finish;
  std::optional<Usage> usage;
  std::string id;
};

/// The reply the parts make. Missing and repeated call ids are replaced; usage that is missing, or says that
/// nothing was read or written, is estimated over `prompt_size` bytes. A call that the token limit cut off
/// keeps arguments that are no JSON, so that it cannot be carried out; what a content filter stopped holds no
/// calls at all.
Reply finished_reply(ReplyParts parts, std::size_t prompt_size);

/// Whether the server cannot have read the whole prompt: it counted far fewer tokens than so many bytes are,
/// or filled its window to the brim. Ollama cuts in silence; so do servers in front of it.
bool prompt_was_cut(const Usage& usage, std::size_t prompt_size, std::uint64_t context_tokens);

}  // namespace orchestration
