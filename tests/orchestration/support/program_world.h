// A small world around programs: a ledger, kept answers, and a model server on loopback behind the real
// router and HTTP client.
#pragma once

#include "nostr/base/loop.h"
#include "nostr/base/rng.h"
#include "nostr/net/http_client.h"
#include "orchestration/hooks/spend_hooks.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/programs/modules.h"
#include "storage/schema.h"
#include "tools/model_server/server.h"

namespace orchestration::testing {

class ProgramWorld {
 public:
  /// `answers` become the server's turns; `json` says whether it keeps to schemas.
  explicit ProgramWorld(base::json::Value turns, bool json = true, SpendLimits limits = {});

  base::Result<Answer> run(const Program& program, base::json::Value inputs, RunOptions options = {});
  base::Result<Answer> run(Module& module, base::json::Value inputs, RunOptions options = {});
  /// What the model was sent in call `number`.
  base::json::Value sent(std::size_t number) const;
  std::size_t calls() const { return server->seen().size(); }
  base::Msat spent();

  base::SystemClock clock;
  base::SeededRng rng{7};
  base::Loop loop;
  nostr::HttpClient http{loop};
  std::unique_ptr<storage::Db> db;
  std::unique_ptr<storage::Budgets> budgets;
  std::unique_ptr<storage::Answers> answers;
  HookChain hooks;
  std::unique_ptr<model_server::ModelServer> server;
  std::unique_ptr<HttpBackend> backend;
  Router router;
  std::unique_ptr<Runner> runner;
};

/// An entry of the server's script that says `values` as one JSON object.
base::json::Value says(const base::json::Value& values);

}  // namespace orchestration::testing
