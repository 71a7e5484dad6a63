// Minds: the backends of a configuration, built and routed.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "node/config.h"
#include "nostr/base/clock.h"
#include "nostr/net/http_client.h"
#include "orchestration/jobs/customer.h"
#include "orchestration/llm/router.h"
#include "storage/budgets.h"

namespace node {

/// What backends stand on; all of it outlives them.
struct MindsSite {
  base::Loop& loop;
  nostr::HttpClient& http;
  const base::Clock& clock;
  base::Rng& rng;
  std::filesystem::path folder;  ///< where external agents get folders of their own
  /// Buys what backends of kind nip90 sell; null where nothing runs that could pay.
  orchestration::JobCustomer* jobs = nullptr;
  std::vector<std::string> relays = {};  ///< where jobs are asked for, unless a backend says where
  std::string spender = "agent";         ///< on whose budget
};

/// One backend as the configuration describes it. kInvalid, kNotFound or kDenied name what is wrong with it.
base::Result<std::unique_ptr<orchestration::Backend>> build_backend(const MindsSite& site, const BackendConfig& config);

/// App thread.
class Minds {
 public:
  Minds() = default;  ///< none, for a look at the configuration alone
  /// Every enabled backend, and the routes. kInvalid when a route leads nowhere.
  static base::Result<Minds> build(const MindsSite& site, const Config& config);

  orchestration::Router& router() { return *router_; }
  /// For `backend list`: each with its abilities, its health in this process and what it cost today.
  base::Result<base::json::Value> view(const Config& config, storage::Budgets& budgets, base::UnixTime now) const;

 private:

  std::vector<std::unique_ptr<orchestration::Backend>> backends_;
  std::unique_ptr<orchestration::Router> router_;
};

}  // namespace node
