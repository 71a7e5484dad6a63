// The bytes an id commits to, the check of id and signature, tags, addresses and replacement.
#include "nostr/event/event.h"

#include <gtest/gtest.h>

#include "tests/nostr/event/samples.h"

namespace nostr {
namespace {

PublicKey generator_x() {
  return *PublicKey::from_hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
}

TEST(Canonical, is_the_array_of_nip_01_without_spaces) {
  const UnsignedEvent event{generator_x(),
                            base::unix_time(1'700'000'000),
                            30023,
                            {{"d", "x"}, {"e"}, {"t", "", "z"}},
                            "hi"};
  EXPECT_EQ(
      canonical_bytes(event),
      R"([0,"79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",1700000000,30023,)"
      R"([["d","x"],["e"],["t","","z"]],"hi"])");
}

TEST(Canonical, hashes_the_empty_event_as_other_clients_do) {
  EXPECT_EQ(compute_id(UnsignedEvent{.pubkey = generator_x()}).hex(),
            "438633166bd72a6b099ca89b06018a96fc9a175ce81b44a853b1242fcca7ae0b");
}

// NIP-01 lists seven escapes and is silent on the other control characters. JavaScript clients hash
// what JSON.stringify writes: those as \u00xx in lower case, and 0x7f, U+2028 and "/" as they are.
// The digest was computed with Node.js.
TEST(Canonical, escapes_every_ascii_character_as_json_stringify_does) {
  std::string all;
  for (char c = 0; c >= 0 && c < 127; ++c) all += c;
  all += '\x7f';
  all += "\xc2\x80\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xef\xbf\xbf\xf0\x9f\x98\x80/";
  const UnsignedEvent event{generator_x(),
                            base::unix_time(1'700'000'000),
                            1,
                            {{"t", "a\"b\\c"}, {"x", ""}, {"emoji", "\xf0\x9f\x98\x80"}},
                            all};
  EXPECT_EQ(canonical_bytes(event).size(), 421U);
  EXPECT_EQ(compute_id(event).hex(),
            "d1bb6f9f03aa92c823a5e8e8b9703da2363fa43b1954bb2698f3970e367435a7");
}

TEST(Canonical, is_the_same_for_an_event_and_its_unsigned_part) {
  base::SeededRng rng(4);
  for (int i = 0; i < 50; ++i) {
    const Event event = samples::random_event(rng);
    std::string appended = "before ";
    append_canonical(event, appended);
    EXPECT_EQ(appended, "before " + canonical_bytes(unsigned_part(event)));
    EXPECT_EQ(compute_id(event), compute_id(unsigned_part(event)));
    EXPECT_EQ(event.id.array(), sha256(canonical_bytes(unsigned_part(event))).array());
  }
}

TEST(Check, accepts_what_was_signed_and_names_what_is_wrong) {
  const Event good = samples::note("hello", {{"t", "x"}});
  ASSERT_TRUE(check(good));
  struct Forgery {
    const char* name;
    void (*forge)(Event&);
    const char* detail;
  };
  constexpr auto kBadId = "event id is not the hash of the event";
  constexpr auto kBadSig = "event signature does not verify";
  const Forgery forgeries[] = {
      {"content", [](Event& e) { e.content += '.'; }, kBadId},
      {"tag", [](Event& e) { e.tags[0][1] = "y"; }, kBadId},
      {"time", [](Event& e) { e.created_at += base::seconds(1); }, kBadId},
      {"kind", [](Event& e) { e.kind = 2; }, kBadId},
      {"author", [](Event& e) { e.pubkey = samples::key(2).public_key(); }, kBadId},
      {"id", [](Event& e) { e.id.data()[0] ^= 1; }, kBadId},
      {"signature", [](Event& e) { e.sig.data()[63] ^= 1; }, kBadSig},
      {"content with its id",
       [](Event& e) {
         e.content += '.';
         e.id = compute_id(e);
       },
       kBadSig},
  };
  for (const Forgery& forgery : forgeries) {
    Event event = good;
    forgery.forge(event);
    const auto checked = check(event);
    ASSERT_FALSE(checked) << forgery.name;
    EXPECT_EQ(checked.error().code, base::Errc::kCrypto);
    EXPECT_EQ(checked.error().detail, forgery.detail) << forgery.name;
  }
}

TEST(AttachSignature, takes_only_a_signature_for_this_event) {
  const Event signed_event = samples::note("elsewhere");
  const auto attached = attach_signature(unsigned_part(signed_event), signed_event.sig);
  ASSERT_TRUE(attached);
  EXPECT_EQ(*attached, signed_event);
  UnsignedEvent other = unsigned_part(signed_event);
  other.content = "changed";
  EXPECT_EQ(attach_signature(other, signed_event.sig).error().code, base::Errc::kCrypto);
}

TEST(Tags, are_found_by_name_when_they_have_a_value) {
  const Tags tags = {{"e"}, {"e", "1"}, {"p", "2", "relay"}, {"e", "3"}, {"x", ""}};
  EXPECT_EQ(tag_value(tags, "e"), "1");
  EXPECT_EQ(tag_value(tags, "x"), "");
  EXPECT_EQ(tag_value(tags, "gone"), std::nullopt);
  EXPECT_EQ(find_tag(tags, "p")->at(2), "relay");
  EXPECT_EQ(tag_values(tags, "e"), (std::vector<std::string_view>{"1", "3"}));
}

TEST(Address, round_trips_with_colons_in_d) {
  const std::string pubkey(64, 'a');
  for (const std::string& d : {std::string(), std::string("x"), std::string("a:b::c")}) {
    const std::string text = "30023:" + pubkey + ":" + d;
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->d, d);
    EXPECT_EQ(address->str(), text);
  }
  for (const std::string& bad :
       {std::string(), "30023:" + pubkey, ":" + pubkey + ":", "65536:" + pubkey + ":",
        "-1:" + pubkey + ":", "030023:" + pubkey + ":", "1x:" + pubkey + ":", " 1:" + pubkey + ":",
        "1:" + std::string(64, 'A') + ":", "1:" + std::string(63, 'a') + ":"})
    EXPECT_FALSE(Address::parse(bad)) << bad;
}

TEST(Address, follows_the_storage_class_of_the_kind) {
  EXPECT_EQ(address_of(samples::note("", {{"d", "x"}}, 1)), std::nullopt);
  EXPECT_EQ(address_of(samples::note("", {{"d", "x"}}, 20'001)), std::nullopt);
  EXPECT_EQ(address_of(samples::note("", {{"d", "x"}}, 10'002))->d, "")
      << "replaceable kinds have no d";
  EXPECT_EQ(address_of(samples::note("", {{"d", "x"}}, 30'023))->d, "x");
  EXPECT_EQ(address_of(samples::note("", {{"d"}}, 39'999))->d, "");
}

TEST(Replaces, later_wins_then_the_lower_id) {
  const Event older = samples::note("a", {}, 0, 100);
  const Event newer = samples::note("b", {}, 0, 101);
  EXPECT_TRUE(replaces(newer, older));
  EXPECT_FALSE(replaces(older, newer));
  const Event twin = samples::note("c", {}, 0, 100);
  EXPECT_EQ(replaces(older, twin), older.id < twin.id);
  EXPECT_NE(replaces(older, twin), replaces(twin, older));
  EXPECT_FALSE(replaces(older, older));
}

}  // namespace
}  // namespace nostr
