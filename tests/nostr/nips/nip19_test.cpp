// NIP-19 names: the published examples both ways, and malformed ones.
#include "nostr/nips/nip19.h"

#include <gtest/gtest.h>

#include "nostr/base/bech32.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;

constexpr std::string_view kHex =
    "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d";
constexpr std::string_view kNpub =
    "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6";
constexpr std::string_view kNprofile =
    "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhx"
    "ue69uhkg"
    "6nzv9ejuumpv34kytnrdaksjlyr9p";

nostr::PublicKey example() {
  return nostr::PublicKey::from_hex(kHex).value();
}

TEST(Nip19, PublishedKeys) {
  EXPECT_EQ(nostr::encode_npub(example()), kNpub);
  EXPECT_EQ(nostr::parse_public_key(kNpub).value(), example());
  const std::string_view nsec = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";
  const auto secret = nostr::parse_secret_key(nsec);
  ASSERT_TRUE(secret);
  EXPECT_EQ(base::hex_encode(secret->expose()),
            "67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa");
  EXPECT_EQ(nostr::encode_nsec(*secret), nsec);
}

TEST(Nip19, PublishedProfile) {
  const auto entity = nostr::decode_entity(kNprofile);
  ASSERT_TRUE(entity);
  const auto& profile = std::get<nostr::ProfilePointer>(*entity);
  EXPECT_EQ(profile.pubkey, example());
  EXPECT_EQ(profile.relays, (std::vector<std::string>{"wss://r.x.com", "wss://djbas.sadkb.com"}));
  EXPECT_EQ(nostr::encode_nprofile(profile), kNprofile);
  EXPECT_EQ(nostr::parse_public_key(kNprofile).value(), example());
  EXPECT_EQ(nostr::parse_public_key(nostr::nostr_uri(kNprofile)).value(), example());
}

TEST(Nip19, AddressWrittenByOthers) {
  const auto entity = nostr::decode_entity(
      "naddr1qq98yetxv4ex2mnrv4esygrl54h466tz4v0re4pyuavvxqptsejl0vxcmnhfl60z3rth2xkpjspsgqqqw4rsf3"
      "4vl5");
  ASSERT_TRUE(entity);
  const auto& pointer = std::get<nostr::AddressPointer>(*entity);
  EXPECT_EQ(pointer.address.str(),
            "30023:7fa56f5d6962ab1e3cd424e758c3002b8665f7b0d8dcee9fe9e288d7751ac194:references");
}

TEST(Nip19, RoundTrips) {
  const nostr::EventPointer event{id('a'), {"wss://one", "wss://two"}, example(), 39212};
  EXPECT_EQ(
      std::get<nostr::EventPointer>(nostr::decode_entity(nostr::encode_nevent(event)).value()),
      event);
  const nostr::EventPointer bare{id('b'), {}, std::nullopt, std::nullopt};
  EXPECT_EQ(std::get<nostr::EventPointer>(nostr::decode_entity(nostr::encode_nevent(bare)).value()),
            bare);
  const nostr::AddressPointer address{{30023, example(), "a:b"}, {"wss://r"}};
  EXPECT_EQ(std::get<nostr::AddressPointer>(
                nostr::decode_entity(nostr::encode_naddr(address).value()).value()),
            address);
  const nostr::RelayPointer relay{"wss://relay.example"};
  EXPECT_EQ(std::get<nostr::RelayPointer>(
                nostr::decode_entity(nostr::encode_nrelay(relay).value()).value()),
            relay);
  EXPECT_EQ(nostr::parse_event_id(nostr::encode_note(id('c'))).value(), id('c'));
  EXPECT_EQ(nostr::parse_event_id(nostr::encode_nevent(event)).value(), id('a'));
  EXPECT_EQ(nostr::parse_address(nostr::encode_naddr(address).value()).value(), address.address);
  EXPECT_EQ(nostr::parse_address("1:" + std::string(kHex) + ":x:y").value().d, "x:y");
}

std::string entity_of(std::string_view hrp, base::Bytes data) {
  return base::bech32_encode(hrp, data, base::Bech32Variant::kBech32);
}

TEST(Nip19, MalformedEntitiesAreInvalid) {
  const base::Bytes key(32, 0x11);
  base::Bytes profile{0, 32};
  profile.insert(profile.end(), key.begin(), key.end());
  auto cut = profile;
  cut.push_back(1);
  cut.push_back(9);
  auto bad_author = profile;
  bad_author.insert(bad_author.end(), {2, 1, 7});
  auto big_kind = profile;
  big_kind.insert(big_kind.end(), {3, 4, 0, 1, 0, 0});
  const struct {
    const char* name;
    std::string text;
  } cases[] = {
      {"empty", ""},
      {"npub of 31 bytes", entity_of("npub", base::Bytes(31, 1))},
      {"bech32m", base::bech32_encode("npub", key, base::Bech32Variant::kBech32m)},
      {"unknown prefix", entity_of("nfoo", key)},
      {"zero secret", entity_of("nsec", base::Bytes(32, 0))},
      {"profile without key", entity_of("nprofile", {1, 1, 'x'})},
      {"profile with short key", entity_of("nprofile", {0, 1, 'x'})},
      {"field cut short", entity_of("nprofile", cut)},
      {"author of one byte", entity_of("nevent", bad_author)},
      {"kind over 65535", entity_of("nevent", big_kind)},
      {"naddr without author", entity_of("naddr", {0, 1, 'd', 3, 4, 0, 0, 0x75, 0x37})},
      {"checksum", std::string(kNpub.substr(0, kNpub.size() - 1)) + "q"},
  };
  for (const auto& c : cases) EXPECT_FALSE(nostr::decode_entity(c.text)) << c.name;
}

TEST(Nip19, UnknownFieldsAreSkipped) {
  base::Bytes data{9, 2, 'x', 'y', 0, 32};
  data.insert(data.end(), 32, 0x11);
  EXPECT_TRUE(nostr::decode_entity(entity_of("nprofile", data)));
}

TEST(Nip19, ASecretIsNeverTakenForAPublicKeyNorEchoed) {
  const std::string nsec = nostr::encode_nsec(key('5'));
  const auto result = nostr::parse_public_key(nsec);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().detail.find(nsec), std::string::npos);
  EXPECT_FALSE(nostr::parse_secret_key(kNpub));
  EXPECT_FALSE(
      nostr::parse_public_key("3BF0C63FCB93463407AF97A5E5EE64FA883D107EF9E558472C4EB9AAAEFA459D"));
}

}  // namespace
