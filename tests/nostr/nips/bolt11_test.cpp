// BOLT-11 against the examples its text publishes (commit 0028ac9b), valid and invalid.
#include <gtest/gtest.h>

#include <algorithm>

#include "nostr/nips/bolt11.h"

namespace {

using base::Errc;
using base::Msat;
using std::chrono::seconds;

// The payment hash and the payee of nearly all examples.
const std::string kHash = "0001020304050607080900010203040506070809000102030405060708090102";
const std::string kPayee = "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad";
const std::string kStart = "1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypq";

TEST(Bolt11, PublishedExamplesAreRead) {
  const struct {
    std::string text;
    std::string network;
    std::optional<Msat> amount;
    std::string description;
    seconds expiry;
  } cases[] = {
      {"lnbc" + kStart +
           "dpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq8rkx3yf5tcsyz3d73gafn"
           "h3ca"
           "x9rn449d9p5uxz9ezhhypd0elx87sjle52x86fux2ypatgddc6k63n7erqz25le42c4u4ecky03ylcqca784w",
       "bc", std::nullopt, "Please consider supporting this project", seconds(3600)},
      {"lnbc2500u" + kStart +
           "dq5xysxxatsyp3k7enxv4jsxqzpuaztrnwngzn3kdzw5hydlzf03qdgm2hdq27cqv3agm2awhz5se903vruatfh"
           "q77w"
           "3ls4evs3ch9zw97j25emudupq63nyw24cg27h2rspfj9srp",
       "bc", Msat{250'000'000}, "1 cup coffee", seconds(60)},
      {"lnbc2500u" + kStart +
           "dpquwpc4curk03c9wlrswe78q4eyqc7d8d0xqzpuyk0sg5g70me25alkluzd2x62aysf2pyy8edtjeevuv4p2d5"
           "p76r"
           "4zkmneet7uvyakky2zr4cusd45tftc9c5fh0nnqpnl2jfll544esqchsrny",
       "bc", Msat{250'000'000}, "\u30ca\u30f3\u30bb\u30f3\u30b9 1\u676f", seconds(60)},
      {"lnbc25m" + kStart +
           "dq5vdhkven9v5sxyetpdeessp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygs9q5sqqqqq"
           "qqqq"
           "qqqqqqpqsq67gye39hfg3zd8rgc80k32tvy9xk2xunwm5lzexnvpx6fd77en8qaq424dxgt56cag2dpt359k3ss"
           "yhet"
           "ktkpqh24jqnjyw6uqd08sgptq44qu",
       "bc", Msat{2'500'000'000}, "coffee beans", seconds(3600)},
  };
  for (const auto& c : cases) {
    const auto invoice = nostr::parse_invoice(c.text);
    ASSERT_TRUE(invoice) << c.text << ": " << invoice.error().detail;
    EXPECT_EQ(invoice->network, c.network);
    EXPECT_EQ(invoice->amount, c.amount);
    EXPECT_EQ(invoice->description, c.description);
    EXPECT_EQ(invoice->expiry, c.expiry);
    EXPECT_EQ(invoice->created_at, base::unix_time(1'496'314'658));
    EXPECT_EQ(invoice->payment_hash.hex(), kHash);
    EXPECT_EQ(invoice->payee.hex(), kPayee);
    EXPECT_EQ(invoice->description_hash, std::nullopt);
    EXPECT_EQ(nostr::expires_at(*invoice), invoice->created_at + c.expiry);
    std::string upper = c.text;
    std::ranges::transform(upper, upper.begin(), [](unsigned char x) { return std::toupper(x); });
    EXPECT_EQ(nostr::parse_invoice("LIGHTNING:" + upper).value(), *invoice);
  }
}

TEST(Bolt11, DescriptionHashesAndOtherNetworksAreRead) {
  const std::string list =
      "One piece of chocolate cake, one icecream cone, one pickle, one slice of swiss cheese, one "
      "slice "
      "of salami, one lollypop, one piece of cherry pie, one sausage, one cupcake, and one slice "
      "of "
      "watermelon";
  const auto main =
      nostr::parse_invoice("lnbc20m" + kStart +
                           "hp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqscc6gd6ql3jrc5yzm"
                           "e8v4ntcewwz5cnw92tz0pc8qcu"
                           "ufvq7khhr8wpald05e92xw006sq94mg8v2ndf4sefvf9sygkshp5zfem29trqq2yxxz7");
  ASSERT_TRUE(main) << main.error().detail;
  EXPECT_EQ(main->description_hash, nostr::sha256(list));
  EXPECT_EQ(main->description, "");
  EXPECT_EQ(main->amount, Msat{2'000'000'000});
  const auto test = nostr::parse_invoice(
      "lntb20m1pvjluezhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqspp5qqqsyqcyq5rqwzqfqqq"
      "syqcyq5"
      "rqwzqfqqqsyqcyq5rqwzqfqypqfpp3x9et2e20v6pu37c5d9vax37wxq72un98kmzzhznpurw9sgl2v0nklu2g4d0kep"
      "h5t7tj9"
      "tcqd8rexnd07ux4uv2cjvcqwaxgj7v4uwn5wmypjd5n69z2xm3xgksg28nwht7f6zspwp3f9t");
  ASSERT_TRUE(test) << test.error().detail;
  EXPECT_EQ(test->network, "tb");
  EXPECT_EQ(test->payee.hex(), kPayee);
}

TEST(Bolt11, PicoAmountsAndRoutesAreRead) {
  const auto invoice = nostr::parse_invoice(
      "lnbc9678785340p1pwmna7lpp5gc3xfm08u9qy06djf8dfflhugl6p7lgza6dsjxq454gxhj9t7a0sd8dgfkx7cmtwd6"
      "8yetpd5s9"
      "xar0wfjn5gpc8qhrsdfq24f5ggrxdaezqsnvda3kkum5wfjkzmfqf3jkgem9wgsyuctwdus9xgrcyqcjcgpzgfskx6eq"
      "f9hzqnte"
      "ypzxz7fzypfhg6trddjhygrcyqezcgpzfysywmm5ypxxjemgw3hxjmn8yptk7untd9hxwg3q2d6xjcmtv4ezq7pqxgsx"
      "zmnyyqcj"
      "qmt0wfjjq6t5v4khxxqyjw5qcqp2rzjq0gxwkzc8w6323m55m4jyxcjwmy7stt9hwkwe2qxmy8zpsgg7jcuwz87fcqqe"
      "uqqqyqqq"
      "qlgqqqqn3qq9qn07ytgrxxzad9hc4xt3mawjjt8znfv8xzscs7007v9gh9j569lencxa8xeujzkxs0uamak9aln6ez02"
      "uunw6rd2h"
      "t2sqe4hz8thcdagpleym0j");
  ASSERT_TRUE(invoice) << invoice.error().detail;
  EXPECT_EQ(invoice->amount, Msat{967'878'534});
  EXPECT_EQ(invoice->payment_hash.hex(),
            "462264ede7e14047e9b249da94fefc47f41f7d02ee9b091815a5506bc8abf75f");
  EXPECT_EQ(invoice->expiry, seconds(604'800));
  EXPECT_TRUE(invoice->description.starts_with("Blockstream Store: 88.85 USD"));
}

TEST(Bolt11, FieldsOfWrongLengthAreSkipped) {
  const auto zeros = [](int count) { return std::string(static_cast<std::size_t>(count), 'q'); };
  const auto invoice = nostr::parse_invoice(
      "lnbc25m" + kStart +
      "dq5vdhkven9v5sxyetpdeessp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygs9q5sqqqqqqqqqq"
      "qqqqq"
      "pqsq2qrqqqfppn" +
      zeros(32) + "ppn" + zeros(51) + "pp4" + zeros(53) + "hpn" + zeros(51) + "hp4" + zeros(53) +
      "spn" + zeros(51) + "sp4" + zeros(53) + "np5" + zeros(52) + "npk" + zeros(54) +
      "2jxxfsnucm4jf4zwtznpaxphce606fvhvje5x7d4gw7n73994hgs7nteqvenq8a4ml8aqtchv5d9pf7l558889hp4yyr"
      "qv6a7"
      "zpq9fgpskqhza");
  ASSERT_TRUE(invoice) << invoice.error().detail;
  EXPECT_EQ(invoice->payment_hash.hex(), kHash);
  EXPECT_EQ(invoice->payee.hex(), kPayee);
  EXPECT_EQ(invoice->description_hash, std::nullopt);
}

TEST(Bolt11, PublishedInvalidExamplesAreRefused) {
  const struct {
    const char* why;
    std::string text;
    Errc code;
  } cases[] = {
      {"checksum",
       "lnbc2500u" + kStart +
           "dpquwpc4curk03c9wlrswe78q4eyqc7d8d0xqzpuyk0sg5g70me25alkluzd2x62aysf2pyy8edtjeevuv4p2d5"
           "p7"
           "6r4zkmneet7uvyakky2zr4cusd45tftc9c5fh0nnqpnl2jfll544esqchsrnt",
       Errc::kInvalid},
      {"no 1", kStart.substr(1) + "dpquwpc4curk03c9wlrswe78q4eyqc7d8d0x", Errc::kInvalid},
      {"mixed case",
       "LNBC2500u" + kStart +
           "dpquwpc4curk03c9wlrswe78q4eyqc7d8d0xqzpuyk0sg5g70me25alkluzd2x62aysf2pyy8edtjeevuv4p2d5"
           "p76r4zkmneet7uvyakky2zr4cusd45tftc9c5fh0nnqpnl2jfll544esqchsrny",
       Errc::kInvalid},
      {"signature",
       "lnbc2500u" + kStart +
           "dq5xysxxatsyp3k7enxv4jsxqzpuaxtrnwngzn3kdzw5hydlzf03qdgm2hdq27cqv3agm2awhz5se903vruatfh"
           "q77w3ls4evs3ch9zw97j25emudupq63nyw24cg27h2rspk28uwq",
       Errc::kCrypto},
      {"too short", "lnbc" + kStart + "dpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6na6hlh",
       Errc::kInvalid},
      {"multiplier",
       "lnbc2500x" + kStart +
           "dq5xysxxatsyp3k7enxv4jsxqzpujr6jxr9gq9pv6g46y7d20jfkegkg4gljz2ea2a3m9lmvvr95tq2s0kvu70"
           "u3axgelz3kyvtp2ywwt0y8hkx2869zq5dll9nelr83zzqqpgl2zg",
       Errc::kInvalid},
      {"parts of a msat",
       "lnbc2500000001p" + kStart +
           "dq5xysxxatsyp3k7enxv4jsxqzpu7hqtk93pkf7sw55rdv4k9z2vj050rxdr6za9ekfs3nlt5lr89jqpdm"
           "xsmlj9urqumg0h9wzpqecw7th56tdms40p2ny9q4ddvjsedzcplva53s",
       Errc::kInvalid},
      {"empty", "", Errc::kInvalid},
      {"too long", "lnbc1" + std::string(8'000, 'q'), Errc::kInvalid},
  };
  for (const auto& c : cases) {
    const auto invoice = nostr::parse_invoice(c.text);
    ASSERT_FALSE(invoice) << c.why;
    EXPECT_EQ(invoice.error().code, c.code) << c.why;
  }
}

TEST(Bolt11, APreimageProvesItsHashOnly) {
  const auto preimage = nostr::Preimage::from_hex(std::string(64, '0')).value();
  EXPECT_TRUE(nostr::is_paid_by(nostr::sha256(preimage.view()), preimage));
  EXPECT_FALSE(nostr::is_paid_by(nostr::Sha256{}, preimage));
}

}  // namespace
