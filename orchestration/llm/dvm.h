// A model behind Nostr: text generation bought job by job (NIP-90, kinds 5050 and 6050).
//
// The reply is text: there are no tool calls. What a job costs is paid, and counted, by the cashier, so
// the rates are zero. A failed job is not tried again by itself: the next one would be paid again.
#pragma once

#include <memory>

#include "orchestration/jobs/customer.h"
#include "orchestration/llm/backend.h"

namespace orchestration {

struct DvmOptions {
  std::string id;
  std::string model;                        ///< asked for by name; "" leaves it to the provider
  std::string agent;                        ///< on whose budget
  nostr::PublicKey provider;
  base::Msat max_price{1'000};              ///< of one call
  /// The prompt goes to the relays in clear. Off: it is encrypted to the provider.
  bool public_prompts = false;
  bool legacy_encryption = false;           ///< NIP-04, for a provider that reads nothing else
  std::vector<std::string> relays;
  std::chrono::milliseconds timeout{60'000};
};

/// App thread. `customer` outlives it; null where nobody can buy: then every call is refused.
class DvmBackend final : public Backend {
 public:
  DvmBackend(JobCustomer* customer, DvmOptions options)
      : customer_(customer), options_(std::move(options)) {}
  const std::string& id() const override { return options_.id; }
  const std::string& model() const override { return options_.model; }
  const Rates& rates() const override { return rates_; }
  base::Task<std::expected<Reply, ModelFailure>> complete(Request request) override;
  base::Task<base::Result<ProbeReport>> probe() override;

 private:
  JobCustomer* customer_;
  const DvmOptions options_;
  const Rates rates_{};
};

/// The conversation as one text, roles named; what the job carries.
std::string prompt_text(const std::vector<Message>& messages);

}  // namespace orchestration
