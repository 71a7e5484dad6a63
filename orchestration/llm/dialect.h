// Dialect: how one kind of server is asked and understood. Pure; the bytes travel in llm/http_backend.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "orchestration/llm/backend.h"

namespace orchestration {

/// What a server is sent besides the conversation. The backend takes back what a server turns out to lack.
struct WireSettings {
  std::string model;
  std::uint64_t context_tokens = 0;       ///< 0: not known
  bool stream = true;
  bool stream_with_tools = true;          ///< else a request that offers tools is answered whole
  bool usage_in_stream = true;            ///< ask for it
  bool json_schema = true;                ///< else the schema is asked for in words
  bool max_completion_tokens = false;     ///< the newer name of max_tokens
  bool temperature = true;                ///< else none is sent: models that reason refuse any

  bool streams(const Request& request) const {
    return stream && (stream_with_tools || request.tools.empty());
  }
};

/// Puts the pieces of one answer together.
class ReplyAssembler {
 public:
  virtual ~ReplyAssembler() = default;
  /// One event's data, or one line; returns the text that arrived with it. kPeer or kInvalid when it is no such
  /// thing, kLimit when the answer outgrows its bound, kUnavailable when the server itself reports a failure.
  virtual base::Result<std::string> add(std::string_view data) = 0;
  /// Whether the answer is whole. Anything less is a truncated stream and is never acted on.
  virtual bool finished() const = 0;
  /// The reply; usage is estimated over `prompt_size` bytes where the server reported none.
  virtual Reply take(std::size_t prompt_size) = 0;
  /// What the server said went wrong, when add() failed with kUnavailable.
  const std::optional<ModelFailure>& reported() const { return reported_; }

 protected:
  /// Keeps `failure` for reported() and returns its error as kUnavailable.
  std::unexpected<base::Error> report(ModelFailure failure);

 private:
  std::optional<ModelFailure> reported_;
};

enum class Framing {
  kEvents,  ///< server-sent events
  kLines,   ///< one JSON document a line
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  /// Where questions go, below the base URL.
  virtual std::string_view path() const = 0;
  virtual Framing framing() const = 0;
  virtual std::string body(const Request& request, const WireSettings& settings) const = 0;
  virtual std::unique_ptr<ReplyAssembler> assembler() const = 0;
  /// A whole, unstreamed answer. kPeer when it is none.
  virtual base::Result<Reply> whole(std::string_view document, std::size_t prompt_size) const = 0;
};

}  // namespace orchestration
