// A wish to pay becomes an order that names amount and destination.
#include "orchestration/tools/money_tools.h"

#include "orchestration/money/invoice_check.h"
#include "orchestration/money/lnurl.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::int64_t kMaxDestination = 4'000;
constexpr std::int64_t kMaxSats = 2'100'000'000'000'000;

class Pay final : public Tool {
 public:
  Pay(const base::Clock& clock, std::string agent) : clock_(clock), agent_(std::move(agent)) {}
  const ToolSpec& spec() const override { return spec_; }
  Capability capability() const override { return Capability::kSpend; }
  ActionClass action() const override { return ActionClass::kPay; }
  bool is_outward() const override { return true; }
  std::optional<nostr::Kind> sign_kind() const override { return std::nullopt; }

  Task<Result<ActionRequest>> prepare(ToolContext context, Value params) override {
    PayOrder order{.agent = agent_,
                   .destination = base::json::string_or(params, "destination"),
                   .amount = base::to_msat({base::json::int_or(params, "amount_sats")}),
                   .comment = base::json::string_or(params, "comment")};
    if (!Lnurl::reads(order.destination)) {
      auto invoice = check_invoice(order.destination, {.amount = order.amount}, clock_.now());
      if (!invoice) co_return std::unexpected(std::move(invoice).error());
    }
    co_return ActionRequest{.key = {.tick = context.trigger.tick, .call_id = context.call_id},
                            .action = ActionClass::kPay,
                            .draft = {},
                            .reason = base::json::string_or(params, "reason"),
                            .payment = std::move(order),
                            .ask = context.ask};
  }
  Task<Result<std::string>> run(ToolContext, Value) override {
    co_return base::fail(Errc::kInternal, "pay only acts");
  }

 private:
  static Value parameters() {
    const auto text = [](const char* description, std::int64_t min, std::int64_t max) {
      return Value{{"type", "string"},
                   {"description", description},
                   {"minLength", min},
                   {"maxLength", max}};
    };
    return {{"type", "object"},
            {"properties",
             {{"destination", text("A lightning invoice (lnbc…), a lightning address (name@domain) "
                                   "or an lnurl.",
                                   1, kMaxDestination)},
              {"amount_sats",
               {{"type", "integer"},
                {"description", "What you mean to pay, in satoshi. An invoice over another amount "
                                "is refused."},
                {"minimum", 1},
                {"maximum", kMaxSats}}},
              {"comment", text("A word for the payee, where it takes one.", 0, 200)},
              {"reason", text("One line for the operator: why you want this.", 0, 300)}}},
            {"required", {"destination", "amount_sats"}},
            {"additionalProperties", false}};
  }

  const base::Clock& clock_;
  const std::string agent_;
  const ToolSpec spec_{"pay",
                       "Pay somebody from the operator's wallet. Money that left does not come "
                       "back: pay only what you were asked or allowed to.",
                       parameters()};
};

}  // namespace

std::unique_ptr<Tool> make_pay(const base::Clock& clock, std::string agent) {
  return std::make_unique<Pay>(clock, std::move(agent));
}

}  // namespace orchestration
