// Acts that cost money: terms → the operator's word where it is needed → invoice → payment.
#include <fmt/format.h>

#include "node/outside.h"

namespace node {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;
using orchestration::ActionRequest;
using orchestration::ActionResult;
using orchestration::ActionStatus;
using orchestration::PayOrder;
using storage::PaymentRow;
using storage::PaymentState;

ActionResult failed(ActionStatus status, std::string why) {
  ActionResult out;
  out.status = status;
  out.text = std::move(why);
  return out;
}

ActionResult result_of(const PaymentRow& row) {
  ActionResult out;
  switch (row.state) {
    case PaymentState::kSettled:
      out.status = ActionStatus::kPaid;
      out.text = fmt::format("{} msat and a fee of {} msat went to {}; payment hash {}",
                             row.amount.value, row.fee.value, row.counterparty,
                             row.payment_hash.hex());
      break;
    case PaymentState::kIntent:
    case PaymentState::kReserved:
    case PaymentState::kFailed:
      out.status = ActionStatus::kFailed;
      out.text = row.detail;
      break;
    case PaymentState::kSent:
    case PaymentState::kUnknown:
      out.status = ActionStatus::kUnknown;
      out.text = row.detail;
      break;
  }
  return out;
}

/// What the operator decides about; the digest of the approval commits to all of it.
Value terms_of(const PayOrder& order, const std::vector<std::string>& exceeds) {
  Value out = {{"amount_msat", order.amount.value},
               {"destination", order.destination},
               {"comment", order.comment},
               {"fee_up_to_msat", orchestration::fee_allowance(order.amount).value}};
  if (const auto invoice = nostr::parse_invoice(order.destination)) {
    out["destination"] = "lightning node " + invoice->payee.hex();
    out["invoice"] = order.destination;
    out["says"] = invoice->description;
  }
  if (!exceeds.empty()) out["exceeds"] = exceeds;
  return out;
}

}  // namespace

/// Terms as they were first put to the operator, or, for a new question, as they are now. Null when
/// nobody has to be asked.
Result<Value> NodeOutside::payment_terms(const ActionRequest& request,
                                         const orchestration::Spender& who) {
  TRY(const auto asked, actions_.get(request.key.tick, request.key.call_id));
  if (asked) {
    TRY(const Value body, base::json::parse(asked->draft_json));
    return base::json::get_object(body, "params");
  }
  TRY(const auto exceeds, deps_.treasury.breaches(who, request.payment->amount, std::nullopt));
  if (!request.ask && exceeds.empty()) return Value();
  return terms_of(*request.payment, exceeds);
}

base::Task<Result<ActionResult>> NodeOutside::pay(ActionRequest request) {
  const PayOrder order = request.payment.value_or(PayOrder{});
  const std::string key = fmt::format("act:{}/{}", request.key.tick, request.key.call_id);
  const orchestration::Spender who{.agent = order.agent,
                                   .tick = request.key.tick,
                                   .task = "",
                                   .skill = "",
                                   .counterparty = ""};
  if (const auto cashier = deps_.treasury.cashier(); !cashier)
    co_return failed(ActionStatus::kFailed, cashier.error().detail);
  CO_TRY(const auto standing, storage::Payments(deps_.db).get(key));
  auto limits = orchestration::Limits::kHold;
  std::optional<nostr::EventId> decision;
  if (!standing || standing->state == PaymentState::kIntent) {
    CO_TRY(Value terms, payment_terms(request, who));
    if (!terms.is_null()) {
      // Only a question that named the limits can lift them.
      if (terms.contains("exceeds")) limits = orchestration::Limits::kLifted;
      orchestration::LocalAction question{
          .key = request.key,
          .action = request.action,
          .params = std::move(terms),
          .cost = order.amount + orchestration::fee_allowance(order.amount),
          .reason = request.reason};
      CO_TRY(ActionResult answer, co_await ask(std::move(question)));
      if (answer.status != ActionStatus::kApproved) {
        if (standing)
          CO_TRY(storage::Payments(deps_.db).fail(key, "the operator did not approve",
                                                  deps_.clock.now()));
        co_return answer;
      }
      decision = answer.decision;
    }
  }
  auto opened = co_await deps_.treasury.open({.key = key,
                                              .purpose = "invoice",
                                              .who = who,
                                              .destination = order.destination,
                                              .amount = order.amount,
                                              .comment = order.comment,
                                              .max_fee = std::nullopt});
  if (!opened) {
    if (opened.error().code == Errc::kDatabase) co_return std::unexpected(opened.error());
    co_return failed(ActionStatus::kFailed, opened.error().detail);
  }
  // Another wallet may have been connected while the operator thought.
  CO_TRY(orchestration::Cashier* const spender, deps_.treasury.cashier());
  auto paid = co_await spender->pay(key, limits);
  if (!paid && paid.error().code == Errc::kLimit)
    co_return failed(ActionStatus::kRefused, paid.error().detail);
  if (!paid) co_return std::unexpected(std::move(paid).error());
  ActionResult result = result_of(*paid);
  result.decision = decision;
  co_return result;
}

}  // namespace node
