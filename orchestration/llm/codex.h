// The `codex` backend: an agent of somebody else's, driven through `codex exec --json`.
//
// It answers in text and takes no tools of ours (text_tools.h has it call them in writing); what it does by itself it does in its own read-only sandbox,
// in an empty folder, with an environment that holds nothing of this program's. One call is one process, in a
// group of its own, which dies with the call. What a run costs is bounded by nobody, so it has no rates: it is
// for servers of one's own.
#pragma once

#include <chrono>
#include <string>

#include "nostr/base/loop.h"
#include "orchestration/llm/dialect.h"
#include "orchestration/llm/external_agent.h"
#include "orchestration/llm/reply_parts.h"

namespace orchestration {

/// Puts the events of one run together, one JSON document a line. Source: `codex exec --json`.
class CodexAssembler final : public ReplyAssembler {
 public:
  base::Result<std::string> add(std::string_view data) override;
  bool finished() const override { return done_; }
  Reply take(std::size_t prompt_size) override;

 private:
  std::string text_;
  std::string thread_;
  std::optional<Usage> usage_;
  bool done_ = false;
  std::size_t bytes_ = 0;
};

/// App thread. `loop` outlives the backend.
class CodexBackend final : public Backend {
 public:
  /// `base_url` is that of a server with the responses API. Errors are those of check_external_agent().
  static base::Result<std::unique_ptr<CodexBackend>> create(base::Loop& loop, ExternalAgentOptions options);

  const std::string& id() const override { return options_.id; }
  const std::string& model() const override { return options_.model; }
  const Rates& rates() const override { return rates_; }
  base::Task<std::expected<Reply, ModelFailure>> complete(Request request) override;
  /// Asks the program for its version.
  base::Task<base::Result<ProbeReport>> probe() override;

 private:
  CodexBackend(base::Loop& loop, ExternalAgentOptions options) : loop_(loop), options_(std::move(options)) {}
  ProcessSpec run_spec() const;

  base::Loop& loop_;
  const ExternalAgentOptions options_;
  const Rates rates_{};
};

}  // namespace orchestration
