// From a lightning address to an invoice, and zaps to their receipts: what a provider may not do.
#include "orchestration/money/lnurl.h"

#include "nostr/event/event_json.h"
#include "nostr/signer/key_signer.h"
#include "orchestration/money/zaps.h"
#include "tests/nostr/nips/invoice_maker.h"
#include "tests/orchestration/support/lnurl_provider.h"
#include "tests/orchestration/support/relay_world.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Msat;
using lnurl_provider::Lie;
using lnurl_provider::Provider;
using testing::errc_of;
using testing::must;
using testing::Person;
using testing::RelayWorld;

constexpr LnurlOptions kLocal{.limit = std::chrono::seconds{10},
                              .hosts = nostr::LnurlHosts::kLoopback};

class LnurlTest : public ::testing::Test {
 protected:
  LnurlTest()
      : provider_(
            world_.net,
            [this](Msat amount, nostr::Sha256 commits_to, std::chrono::seconds expiry) {
              return nips_test::sign_invoice(
                  {.hrp = "lnbcrt" + std::to_string(amount.value * 10) + "p",
                   .payment_hash = nostr::sha256("preimage"),
                   .description = "",
                   .description_hash = commits_to,
                   .timestamp = base::to_unix(world_.clock.now()),
                   .expiry = expiry.count()},
                  node_key_);
            },
            {.zap_key = zap_key_.public_key()}) {}

  template <class T>
  T run(base::Task<T> task) {
    return world_.loop.run_until_complete(std::move(task));
  }
  base::Result<std::string> invoice(Msat amount, std::string comment = "") {
    TRY(Payee payee, run(lnurl_.find(provider_.address())));
    return run(lnurl_.invoice(std::move(payee), amount, std::move(comment), world_.clock.now()));
  }

  RelayWorld world_;
  nostr::SecretKey node_key_ = nostr::SecretKey::generate(world_.rng);
  nostr::SecretKey zap_key_ = nostr::SecretKey::generate(world_.rng);
  Provider provider_;
  Lnurl lnurl_{world_.loop, kLocal};
};

TEST_F(LnurlTest, AnAddressAndAnLnurlLeadToTheSameInvoice) {
  const std::string lnurl = nostr::encode_lnurl(provider_.url());
  for (const std::string& text :
       {provider_.address(), lnurl, "lightning:" + lnurl, "LIGHTNING:" + provider_.address()}) {
    const Payee payee = must(run(lnurl_.find(text)));
    EXPECT_EQ(payee.lnurl, lnurl) << text;
    const std::string bill = must(run(lnurl_.invoice(payee, Msat{21'000}, "", world_.clock.now())));
    EXPECT_EQ(must(nostr::parse_invoice(bill)).amount, Msat{21'000});
  }
}

TEST_F(LnurlTest, AnInvoiceOverSomethingElseIsRefused) {
  must(invoice(Msat{21'000}));
  provider_.lie(Lie::kAmount);
  EXPECT_EQ(errc_of(invoice(Msat{21'000})), Errc::kDenied);
  provider_.lie(Lie::kDescription);
  EXPECT_EQ(errc_of(invoice(Msat{21'000})), Errc::kDenied);
  provider_.lie(Lie::kExpired);
  EXPECT_EQ(errc_of(invoice(Msat{21'000})), Errc::kLimit);
}

TEST_F(LnurlTest, RangeAndCommentAreThePayees) {
  EXPECT_EQ(errc_of(invoice(Msat{999})), Errc::kLimit);
  EXPECT_EQ(errc_of(invoice(Msat{100'000'001})), Errc::kLimit);
  EXPECT_EQ(errc_of(invoice(Msat{1'000}, "twenty-one characters")), Errc::kLimit);
  must(invoice(Msat{1'000}, "for the tea"));
  EXPECT_EQ(provider_.heard().back(), "for the tea");
}

TEST_F(LnurlTest, AProviderThatMisbehavesIsNamed) {
  provider_.lie(Lie::kError);
  const auto refused = run(lnurl_.find(provider_.address()));
  ASSERT_EQ(errc_of(refused), Errc::kPeer);
  EXPECT_NE(refused.error().detail.find("closed for today"), std::string::npos);
  provider_.lie(Lie::kRedirect);
  EXPECT_EQ(errc_of(run(lnurl_.find(provider_.address()))), Errc::kPeer) << "redirects lead away";
  provider_.lie(Lie::kHuge);
  EXPECT_EQ(errc_of(run(lnurl_.find(provider_.address()))), Errc::kLimit);
}

TEST_F(LnurlTest, OurOwnNetworkIsNotKnockedAt) {
  Lnurl strict(world_.loop, {});
  EXPECT_FALSE(run(strict.find(provider_.address())).has_value());
  EXPECT_EQ(errc_of(run(strict.find(nostr::encode_lnurl(provider_.url())))), Errc::kInvalid);
  EXPECT_EQ(errc_of(run(strict.find(nostr::encode_lnurl("https://127.0.0.1:1/x")))), Errc::kDenied);
  EXPECT_EQ(provider_.requests(), 0);
}

TEST_F(LnurlTest, WhatIsNoNameIsNotAsked) {
  EXPECT_TRUE(Lnurl::reads("bob@example.com"));
  EXPECT_TRUE(Lnurl::reads("LIGHTNING:LNURL1ABC"));
  EXPECT_FALSE(Lnurl::reads("lnbc1abc"));
  for (const char* text : {"bob", "bob@", "@host", "b ob@example.com", "lnurl1xyz", "bob@a/../b"})
    EXPECT_EQ(errc_of(run(lnurl_.find(text))), Errc::kInvalid) << text;
}

// ---- zaps

class ZapTest : public LnurlTest {
 protected:
  ZapTest() {
    artist_.publish(0, {}, R"({"name":"artist","lud16":")" + provider_.address("artist") + "\"}");
    note_ = artist_.publish(1, {}, "a song");
  }
  ZapOffer offer(Msat amount = Msat{21'000}) {
    return must(run(zapper_.offer({.to = artist_.pubkey(),
                                   .event = note_,
                                   .kind = 1,
                                   .amount = amount,
                                   .comment = "bravo",
                                   .relays = {world_.url()}},
                                  fan_)));
  }
  nostr::Event receipt(const ZapOffer& offer, const std::string& invoice,
                       const nostr::SecretKey& key) {
    return nostr::sign_event(
        nostr::build_zap_receipt(offer.request, nostr::to_json(offer.request), invoice,
                                 std::nullopt, world_.clock.now()),
        key, world_.rng);
  }

  Person artist_{world_};
  nostr::KeySigner fan_{nostr::SecretKey::generate(world_.rng), world_.clock, world_.rng};
  nostr::EventId note_;
  Zapper zapper_{world_.pool, lnurl_, world_.clock};
};

TEST_F(ZapTest, TheRequestGoesToTheProviderAndTheInvoiceCommitsToIt) {
  const ZapOffer made = offer();
  EXPECT_EQ(provider_.heard().back(), nostr::to_json(made.request));
  const nostr::ZapRequest request = must(nostr::check_zap_request(made.request));
  EXPECT_EQ(request.event, note_);
  EXPECT_EQ(request.amount, Msat{21'000});
  EXPECT_EQ(must(nostr::parse_invoice(made.invoice)).description_hash,
            nostr::sha256(nostr::to_json(made.request)));
  const auto found = run(world_.pool.fetch({world_.url()}, {{.kinds = {nostr::kinds::kZapRequest}}},
                                           std::chrono::seconds{10}));
  EXPECT_TRUE(found.events.empty()) << "a request is not for relays";
}

TEST_F(ZapTest, OnlyTheProvidersReceiptOfThisZapCounts) {
  const ZapOffer made = offer();
  const nostr::SecretKey stranger = nostr::SecretKey::generate(world_.rng);
  artist_.publish(receipt(made, made.invoice, stranger));
  const std::string other = nips_test::sign_invoice(
      {.hrp = "lnbcrt210000p",
       .payment_hash = nostr::sha256("another preimage"),
       .description = "",
       .description_hash = nostr::sha256(nostr::to_json(made.request)),
       .timestamp = base::to_unix(world_.clock.now())},
      node_key_);
  artist_.publish(receipt(made, other, zap_key_));
  EXPECT_EQ(errc_of(run(zapper_.receipt(made, std::chrono::milliseconds(150)))), Errc::kTimeout);
  artist_.publish(receipt(made, made.invoice, zap_key_));
  const nostr::Zap zap = must(run(zapper_.receipt(made, std::chrono::seconds{20})));
  EXPECT_EQ(zap.from, fan_.public_key());
  EXPECT_EQ(zap.amount, Msat{21'000});
  EXPECT_EQ(zap.request.comment, "bravo");
}

TEST_F(ZapTest, WhoNamesNoAddressCannotBeZapped) {
  Person quiet(world_);
  quiet.publish(0, {}, R"({"name":"quiet"})");
  EXPECT_EQ(errc_of(run(zapper_.address_of(quiet.pubkey(), {world_.url()}))), Errc::kNotFound);
}

}  // namespace
}  // namespace orchestration
