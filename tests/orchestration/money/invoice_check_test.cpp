// An invoice that differs from what was approved is not paid.
#include "orchestration/money/invoice_check.h"

#include "tests/orchestration/support/lightning.h"
#include "tests/orchestration/support/relay_world.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Msat;
using testing::errc_of;
using testing::must;

constexpr base::UnixTime kNow = base::unix_time(1'760'000'000);

class InvoiceCheck : public ::testing::Test {
 protected:
  InvoiceCheck() { network_.add_node("shop", Msat{0}); }
  std::string bill(std::int64_t msat, std::optional<nostr::Sha256> commits = {}) {
    return network_.make_invoice("shop",
                                 {.amount = Msat{msat},
                                  .description = "coffee",
                                  .description_hash = commits,
                                  .expiry = std::chrono::seconds{60}},
                                 kNow);
  }
  base::SeededRng rng_{7};
  lightning::Network network_{rng_};
};

TEST_F(InvoiceCheck, WhatWasAgreedPasses) {
  const nostr::Sha256 metadata = nostr::sha256("metadata");
  const std::string text = bill(21'000, metadata);
  const nostr::Invoice read = must(nostr::parse_invoice(text));
  const InvoiceTerms terms{.amount = Msat{21'000},
                           .payee = network_.key("shop"),
                           .payment_hash = read.payment_hash,
                           .description_hash = metadata};
  EXPECT_EQ(must(check_invoice(text, terms, kNow)), read);
  EXPECT_EQ(must(check_invoice("lightning:" + text, terms, kNow + std::chrono::seconds{59})), read);
}

TEST_F(InvoiceCheck, EveryDifferenceIsRefused) {
  network_.add_node("thief", Msat{0});
  const nostr::Sha256 other = nostr::sha256("other");
  const std::string text = bill(21'000, nostr::sha256("metadata"));
  EXPECT_EQ(errc_of(check_invoice(text, {.amount = Msat{20'999}}, kNow)), Errc::kDenied);
  EXPECT_EQ(errc_of(check_invoice(text, {.amount = Msat{21'001}}, kNow)), Errc::kDenied);
  EXPECT_EQ(errc_of(check_invoice(
                text, {.amount = Msat{21'000}, .payee = network_.key("thief")}, kNow)),
            Errc::kDenied);
  EXPECT_EQ(errc_of(check_invoice(text, {.amount = Msat{21'000}, .payment_hash = other}, kNow)),
            Errc::kDenied);
  EXPECT_EQ(errc_of(check_invoice(text, {.amount = Msat{21'000}, .description_hash = other}, kNow)),
            Errc::kDenied);
  EXPECT_EQ(errc_of(check_invoice(bill(21'000),
                                  {.amount = Msat{21'000}, .description_hash = other}, kNow)),
            Errc::kDenied)
      << "a description in words commits to nothing else";
}

TEST_F(InvoiceCheck, AnExpiredOrOpenInvoiceIsRefused) {
  EXPECT_EQ(errc_of(check_invoice(bill(1'000), {.amount = Msat{1'000}},
                                  kNow + std::chrono::seconds{60})),
            Errc::kLimit);
  EXPECT_EQ(errc_of(check_invoice(bill(0), {.amount = Msat{1'000}}, kNow)), Errc::kInvalid);
  EXPECT_EQ(errc_of(check_invoice("lnbc1", {.amount = Msat{1'000}}, kNow)), Errc::kInvalid);
}

TEST(FeeAllowance, IsOnePercentAndAtLeastTenSatoshi) {
  EXPECT_EQ(fee_allowance(Msat{1'000}), Msat{10'000});
  EXPECT_EQ(fee_allowance(Msat{5'000'000}), Msat{50'000});
}

}  // namespace
}  // namespace orchestration
