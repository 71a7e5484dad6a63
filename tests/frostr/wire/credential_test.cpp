// Packages against the reference library's texts, our encrypted share, and malformed input.
#include "frostr/wire/credential.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "nostr/base/bech32.h"
#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

using base::Bech32Variant;
using base::Bytes;
using base::Errc;
using vectors::must;
using vectors::text;

constexpr unsigned kQuick = 4;  // scrypt log_n of tests

static_assert(!std::is_copy_constructible_v<SecretText>);

bool same(const SecretShare& a, const SecretShare& b) {
  return a.idx == b.idx && base::constant_time_equal(a.secret.expose(), b.secret.expose());
}

std::string wrap(std::string_view hrp, const Bytes& payload,
                 Bech32Variant variant = Bech32Variant::kBech32m) {
  return base::bech32_encode(hrp, payload, variant);
}

TEST(CredentialTest, packages_match_the_reference_library) {
  std::size_t seen = 0;
  for (const auto& file : vectors::bifrost())
    for (const auto& vector : file.at("groups")) {
      SCOPED_TRACE(text(vector, "name"));
      const auto& texts = vector.at("bech32m");
      const GroupPackage group = vectors::group(vector);
      EXPECT_EQ(encode_group(group), text(texts, "bfgroup"));
      const auto decoded = must(decode_group(text(texts, "bfgroup")));
      EXPECT_EQ(decoded.group, group);
      EXPECT_EQ(decoded.warning, "");
      for (const GroupMember& member : group.members()) {
        const auto written = texts.at("bfshare").at(member.idx.value - 1).get<std::string>();
        const SecretShare share = vectors::share(vector, member.idx);
        EXPECT_EQ(encode_share(share).expose(), written);
        const auto read = must(decode_share(written));
        EXPECT_TRUE(same(read.share, share));
        EXPECT_EQ(read.warning, "");
      }
      ++seen;
    }
  EXPECT_GE(seen, 4U);
}

TEST(CredentialTest, onboarding_packages_match_the_reference_library) {
  for (const auto& file : vectors::bifrost())
    for (const auto& vector : file.at("groups")) {
      const auto& item = vector.at("bech32m").at("onboard");
      const auto& package = item.at("package");
      const auto decoded = must(decode_onboard(text(item, "bfonboard")));
      EXPECT_EQ(decoded.share.idx, vectors::index(package.at("share")));
      EXPECT_EQ(decoded.peer.hex(), text(package, "peer_pk"));
      EXPECT_EQ(decoded.relays, package.at("relays").get<std::vector<std::string>>());
      EXPECT_EQ(must(encode_onboard(decoded)).expose(), text(item, "bfonboard"));
    }
}

TEST(CredentialTest, packages_of_bifrost_1_are_read_with_a_warning) {
  for (const auto& file : vectors::bifrost())
    for (const auto& vector : file.at("groups")) {
      const auto& legacy = vector.at("bech32m").at("legacy");
      const auto share = must(decode_share(text(legacy, "bfshare")));
      EXPECT_NE(share.warning, "");
      EXPECT_TRUE(same(share.share, vectors::share(vector, share.share.idx)));
      const auto group = must(decode_group(text(legacy, "bfgroup")));
      EXPECT_NE(group.warning, "");
      EXPECT_EQ(group.group, vectors::group(vector));
    }
}

TEST(CredentialTest, a_group_of_103_members_is_not_taken_for_an_old_one) {
  base::SeededRng rng(50);
  const auto group = must(deal(rng, 2, 103)).group;
  const auto decoded = must(decode_group(encode_group(group)));
  EXPECT_EQ(decoded.group, group);
  EXPECT_EQ(decoded.warning, "");
}

TEST(CredentialTest, surrounding_white_space_is_ignored) {
  base::SeededRng rng(51);
  const auto dealt = must(deal(rng));
  EXPECT_TRUE(decode_group("\n " + encode_group(dealt.group) + "\r\n"));
  EXPECT_TRUE(decode_share(std::string(encode_share(dealt.shares[0]).expose()) + "\n"));
}

TEST(CredentialTest, garbage_is_refused) {
  base::SeededRng rng(52);
  const auto dealt = must(deal(rng));
  const std::string group = encode_group(dealt.group);
  const std::string share(encode_share(dealt.shares[0]).expose());
  std::string typo = share;
  typo[20] = typo[20] == 'q' ? 'p' : 'q';
  for (const std::string& bad :
       {std::string(), std::string("bfshare1"), std::string("bfshare"), group, typo,
        share.substr(0, share.size() - 1), share + "q", std::string(50'000, 'q'),
        wrap("bfshare", Bytes(36, 0)), wrap("bfshare", Bytes(36, 0xff)),
        wrap("bfshare", Bytes(35, 1)), wrap("bfshare", Bytes(37, 1)), wrap("bfshare", Bytes(99, 1)),
        wrap("bfshare", Bytes(36, 1), Bech32Variant::kBech32)})
    EXPECT_FALSE(decode_share(bad)) << bad.substr(0, 40);
  EXPECT_TRUE(decode_share(wrap("bfshare", Bytes(36, 1))));
}

TEST(CredentialTest, malformed_groups_are_refused) {
  base::SeededRng rng(53);
  const auto dealt = must(deal(rng));
  const Bytes good = must(base::bech32_decode(encode_group(dealt.group))).data;
  const auto changed = [&](auto change) {
    Bytes copy = good;
    change(copy);
    return decode_group(wrap("bfgroup", copy));
  };
  EXPECT_TRUE(changed([](Bytes&) {}));
  EXPECT_FALSE(changed([](Bytes& b) { b.pop_back(); }));
  EXPECT_FALSE(changed([](Bytes& b) { b.resize(37); }));
  EXPECT_FALSE(changed([](Bytes& b) { b.resize(10); }));
  EXPECT_FALSE(changed([](Bytes& b) { b.clear(); }));
  EXPECT_FALSE(changed([](Bytes& b) { b[36] = 1; }));   // threshold
  EXPECT_FALSE(changed([](Bytes& b) { b[36] = 4; }));   // more than the members
  EXPECT_FALSE(changed([](Bytes& b) { b[40] = 0; }));   // index of the first member
  EXPECT_FALSE(changed([](Bytes& b) { b[0] ^= 1; }));   // parity of the key
  EXPECT_FALSE(changed([](Bytes& b) { b[41] ^= 1; }));  // parity of a member
  EXPECT_FALSE(changed([](Bytes& b) { b[0] = 4; }));
  EXPECT_FALSE(decode_group(wrap("bfgroup", Bytes(37 + 37 * 1000, 2))));
  EXPECT_FALSE(decode_group(encode_share(dealt.shares[0]).expose()));
}

TEST(CredentialTest, onboarding_packages_keep_their_bounds) {
  base::SeededRng rng(54);
  const auto dealt = must(deal(rng));
  const auto make = [&](std::vector<std::string> relays) {
    return encode_onboard(
        {dealt.shares[0].clone(), dealt.group.members()[1].identity(), std::move(relays)});
  };
  EXPECT_TRUE(make({}));
  EXPECT_TRUE(make({std::string(512, 'r')}));
  EXPECT_FALSE(make({std::string(513, 'r')}));
  EXPECT_FALSE(make(std::vector<std::string>(101, "r")));
  const Bytes good = must(base::bech32_decode(must(make({"wss://a.example"})).expose())).data;
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_onboard(
        wrap("bfonboard", Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)))))
        << size;
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(decode_onboard(wrap("bfonboard", longer)));
  Bytes many = good;
  many[68] = 0xff;
  EXPECT_FALSE(decode_onboard(wrap("bfonboard", many)));
}

TEST(EncryptedShareTest, opens_with_its_passphrase_only) {
  base::SeededRng rng(55);
  const auto dealt = must(deal(rng));
  const auto sealed = must(encrypt_share(dealt.shares[1], "correct horse", rng, kQuick));
  EXPECT_TRUE(sealed.starts_with("sovshare1"));
  EXPECT_TRUE(is_encrypted_share(" " + sealed));
  EXPECT_FALSE(is_encrypted_share(encode_share(dealt.shares[1]).expose()));
  EXPECT_TRUE(same(must(decrypt_share(sealed + "\n", "correct horse")), dealt.shares[1]));
  EXPECT_EQ(decrypt_share(sealed, "correct hors").error().code, Errc::kCrypto);
  EXPECT_EQ(decrypt_share(sealed, "").error().code, Errc::kCrypto);
  EXPECT_NE(sealed, must(encrypt_share(dealt.shares[1], "correct horse", rng, kQuick)));
}

TEST(EncryptedShareTest, default_cost_opens) {
  base::SeededRng rng(56);
  const auto dealt = must(deal(rng));
  const auto sealed = must(encrypt_share(dealt.shares[0], "p", rng));
  EXPECT_EQ(must(base::bech32_decode(sealed)).data[1], 16);
  EXPECT_TRUE(same(must(decrypt_share(sealed, "p")), dealt.shares[0]));
}

TEST(EncryptedShareTest, any_changed_byte_is_noticed) {
  base::SeededRng rng(57);
  const auto dealt = must(deal(rng));
  const Bytes good =
      must(base::bech32_decode(must(encrypt_share(dealt.shares[0], "p", rng, kQuick)))).data;
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= i == 1 ? 1 : 0x80;  // log_n stays small
    EXPECT_FALSE(decrypt_share(wrap("sovshare", bad), "p")) << i;
  }
  Bytes costly = good;
  costly[1] = 21;
  EXPECT_EQ(decrypt_share(wrap("sovshare", costly), "p").error().code, Errc::kLimit);
  costly[1] = 0;
  EXPECT_EQ(decrypt_share(wrap("sovshare", costly), "p").error().code, Errc::kLimit);
  Bytes shorter = good;
  shorter.pop_back();
  EXPECT_EQ(decrypt_share(wrap("sovshare", shorter), "p").error().code, Errc::kInvalid);
}

TEST(EncryptedShareTest, a_plain_reader_says_that_a_passphrase_is_needed) {
  base::SeededRng rng(58);
  const auto dealt = must(deal(rng));
  const auto error = decode_share(must(encrypt_share(dealt.shares[0], "p", rng, kQuick))).error();
  EXPECT_EQ(error.code, Errc::kInvalid);
  EXPECT_NE(error.hint.find("passphrase"), std::string::npos);
  EXPECT_FALSE(encrypt_share(dealt.shares[0], "", rng, kQuick));
  EXPECT_EQ(encrypt_share(dealt.shares[0], "p", rng, 21).error().code, Errc::kLimit);
}

}  // namespace
}  // namespace frostr
