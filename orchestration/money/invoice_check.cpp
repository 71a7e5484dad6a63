// Amount, payee, hash, description, expiry — in the order a person would look.
#include "orchestration/money/invoice_check.h"

#include <fmt/format.h>

namespace orchestration {

using base::Errc;
using base::fail;

base::Result<nostr::Invoice> check_invoice(std::string_view text, const InvoiceTerms& terms,
                                           base::UnixTime now) {
  TRY(nostr::Invoice invoice, nostr::parse_invoice(text));
  if (!invoice.amount)
    return fail(Errc::kInvalid, "the invoice leaves the amount open",
                "ask for one that names the amount");
  if (*invoice.amount != terms.amount)
    return fail(Errc::kDenied, fmt::format("the invoice asks for {} msat, agreed are {}",
                                           invoice.amount->value, terms.amount.value));
  if (terms.payee && invoice.payee != *terms.payee)
    return fail(Errc::kDenied, "the invoice is of another node than agreed: " + invoice.payee.hex());
  if (terms.payment_hash && invoice.payment_hash != *terms.payment_hash)
    return fail(Errc::kDenied, "the invoice has another payment hash than agreed");
  if (terms.description_hash && invoice.description_hash != terms.description_hash)
    return fail(Errc::kDenied, "the invoice does not commit to what was agreed on");
  if (nostr::expires_at(invoice) <= now)
    return fail(Errc::kLimit,
                "the invoice expired " + base::format_utc(nostr::expires_at(invoice)),
                "ask for a new one");
  return invoice;
}

base::Msat fee_allowance(base::Msat amount) {
  constexpr base::Msat kLeast{10'000};
  return std::max(kLeast, base::Msat{amount.value / 100});
}

}  // namespace orchestration
