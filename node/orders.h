// What an operator's orders do here: the same switches as the commands, worked from a private message
// or a signed event. Shared by node and co-signer.
#pragma once

#include <functional>

#include "node/home.h"
#include "nostr/base/json.h"
#include "orchestration/approvals/orders.h"
#include "storage/grants.h"

namespace node {

/// Where an order finds what it asks for; what is absent is not there to be asked.
struct OrderPlace {
  Home home;
  storage::Db* grants = nullptr;
  std::function<base::Result<base::json::Value>()> status;
  std::function<base::Result<base::json::Value>()> budget;
};

/// Carries out `order` of `by` and says what came of it in a few lines. Pausing and resuming twice
/// changes nothing. kUnsupported for what is not to be had here; kNotFound for an unknown grant.
base::Result<std::string> carry_out(const OrderPlace& place, const orchestration::Order& order,
                                    const nostr::PublicKey& by, base::UnixTime now);

/// A few lines on what goes on, from `status`. Pure; may hold words of others, escaped.
std::string status_message(const base::json::Value& status);
/// A few lines on what was spent and may be, from the view of `budget`. Pure.
std::string budget_message(const base::json::Value& budget);

}  // namespace node
