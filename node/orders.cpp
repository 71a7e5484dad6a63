// Orders into switches.
#include "node/orders.h"

#include <fmt/format.h>

#include "node/grants_view.h"
#include "node/pause.h"
#include "node/record_view.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::int_or;
using base::json::string_or;
using base::json::Value;
using orchestration::Order;

constexpr std::size_t kMaxGrantsShown = 20;
constexpr std::size_t kMaxLimitsShown = 20;

/// "1500 sat", or "1 500 001 msat" when it is no whole number of sats.
std::string amount(std::int64_t msat) {
  return msat % 1000 == 0 ? fmt::format("{} sat", msat / 1000) : fmt::format("{} msat", msat);
}

Result<std::string> grants_message(const OrderPlace& place, base::UnixTime now) {
  storage::Grants grants(*place.grants);
  TRY(const Value rows, answer_grants(grants, "grant-list", {{"all", false}}, now));
  std::string text;
  std::size_t shown = 0;
  for (const Value& row : rows) {
    if (++shown > kMaxGrantsShown) break;
    text += fmt::format("{}  {} {} for {} until {}\n", int_or(row, "id"), string_or(row, "tool"),
                        string_or(row, "pattern"), string_or(row, "agent"),
                        base::format_utc(base::unix_time(int_or(row, "expires"))));
  }
  if (text.empty()) return std::string("nothing is allowed in advance");
  if (rows.size() > kMaxGrantsShown)
    text += fmt::format("and {} more\n", rows.size() - kMaxGrantsShown);
  return base::escape_for_terminal(text) + "revoke N takes one back";
}

Result<std::string> revoke(const OrderPlace& place, std::int64_t id, base::UnixTime now) {
  storage::Grants grants(*place.grants);
  TRY(const storage::GrantRow row, grants.revoke(id, now));
  return fmt::format("grant {} ({} {}) is revoked", row.id, base::escape_for_terminal(row.tool),
                     base::escape_for_terminal(row.pattern));
}

}  // namespace

std::string status_message(const Value& status) {
  std::string text = base::escape_for_terminal(doing_now(status)) + "\n";
  std::size_t connected = 0, relays = 0, ready = 0, cosigners = 0;
  for (const Value& relay : status.value("relays", Value::array())) {
    ++relays;
    connected += relay.value("connected", false) ? 1U : 0U;
  }
  for (const Value& cosigner : status.value("cosigners", Value::array())) {
    ++cosigners;
    ready += cosigner.value("online", false) ? 1U : 0U;
  }
  text += fmt::format("relays: {} of {} connected\n", connected, relays);
  if (cosigners > 0) text += fmt::format("co-signers: {} of {} online\n", ready, cosigners);
  text += fmt::format("questions open: {}", status.value("pending", Value::array()).size());
  if (status.contains("budget"))
    text += fmt::format("\nspent today: {} of {}", amount(int_or(status["budget"], "day_spent_msat")),
                        amount(int_or(status["budget"], "day_limit_msat")));
  return text;
}

std::string budget_message(const Value& budget) {
  std::string text = fmt::format("spent today: {}, reserved: {}", amount(int_or(budget, "spent_today_msat")),
                                 amount(int_or(budget, "reserved_msat")));
  std::size_t shown = 0;
  for (const Value& line : budget.value("limits", Value::array())) {
    if (!line["msat"].is_number() || ++shown > kMaxLimitsShown) continue;
    text += fmt::format("\n{}: {}", base::escape_for_terminal(string_or(line, "limit")),
                        amount(int_or(line, "msat")));
    if (line.contains("left_msat")) text += ", left " + amount(int_or(line, "left_msat"));
  }
  const std::size_t open = budget.value("open_payments", Value::array()).size();
  if (open > 0) text += fmt::format("\npayments under way: {}", open);
  return text;
}

Result<std::string> carry_out(const OrderPlace& place, const Order& order,
                              const nostr::PublicKey& by, base::UnixTime now) {
  const PauseSwitch pause(place.home);
  switch (order.kind) {
    case Order::Kind::kStatus: {
      TRY(const Value status, place.status());
      return status_message(status);
    }
    case Order::Kind::kBudget: {
      if (!place.budget) return fail(Errc::kUnsupported, "no budget is kept here: ask the node");
      TRY(const Value budget, place.budget());
      return budget_message(budget);
    }
    case Order::Kind::kGrants:
    case Order::Kind::kRevoke:
      if (place.grants == nullptr)
        return fail(Errc::kUnsupported, "no grants are kept here: ask the node");
      return order.kind == Order::Kind::kGrants ? grants_message(place, now)
                                                : revoke(place, order.grant, now);
    case Order::Kind::kPause:
    case Order::Kind::kStop:
      TRY(pause.pause(fmt::format("by {}{}{}", nostr::encode_npub(by), order.reason.empty() ? "" : ": ",
                                  base::escape_for_terminal(order.reason))));
      return std::string("paused: nothing runs and nothing is signed until \"resume\"");
    case Order::Kind::kResume:
      TRY(pause.resume());
      return std::string("going on");
    case Order::Kind::kList:
    case Order::Kind::kInfo:
    case Order::Kind::kHelp:
      break;
  }
  return fail(Errc::kUnsupported, "that is no order for this process");
}

}  // namespace node
