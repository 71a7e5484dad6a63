// Peer messages as events: the reference library's are opened, ours look the same, and each check
// refuses what it is there for.
#include "frostr/wire/transport.h"

#include <gtest/gtest.h>

#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"
#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

using base::Errc;
using vectors::must;
using vectors::text;

TEST(TransportTest, events_of_the_reference_library_are_opened) {
  for (const auto& file : vectors::bifrost()) {
    const GroupPackage group = vectors::group(file.at("groups").at(0));
    for (const auto& item : file.at("transport")) {
      SCOPED_TRACE(text(item, "name"));
      const auto event = must(nostr::parse_event(base::json::dump(item.at("event"))));
      const auto sender = must(nostr::SecretKey::from_hex(text(item, "sender_seckey")));
      const auto recipient = must(nostr::SecretKey::from_hex(text(item, "recipient_seckey")));
      const auto opened = must(open_message(event, recipient, group, event.created_at));
      EXPECT_EQ(opened.text, text(item, "plaintext"));
      EXPECT_EQ(opened.author, sender.public_key());
      EXPECT_EQ(opened.from, group.find(sender.public_key())->idx);
      EXPECT_FALSE(opened.from_self);

      const auto shared = must(nostr::ecdh(sender, recipient.public_key()));
      EXPECT_EQ(base::hex_encode(shared.expose()), text(item, "shared_x"));
      const auto key = must(nostr::nip44_conversation_key(sender, recipient.public_key()));
      EXPECT_EQ(base::hex_encode(key.expose()), text(item, "conversation_key"));
      std::array<std::uint8_t, 32> nonce{};
      ASSERT_TRUE(base::hex_decode_into(text(item, "nonce"), nonce));
      const auto payload =
          must(nostr::nip44_encrypt_bytes_with_nonce(key, text(item, "plaintext"), nonce));
      EXPECT_EQ(base::base64url_encode(payload), text(item, "content"));
    }
  }
}

class Peers : public ::testing::Test {
 protected:
  nostr::SecretKey key(std::size_t i) { return must(dealt.shares[i].transport_key()); }

  nostr::PublicKey identity(std::size_t i) { return dealt.group.members()[i].identity(); }

  nostr::Event sealed(std::string_view message = "hello") {
    return must(seal_message(key(0), identity(1), message, now, rng));
  }

  // `event` changed and signed again, so that only the named check can refuse it.
  nostr::Event resigned(const nostr::SecretKey& author, auto change) {
    const nostr::Event event = sealed();
    nostr::Draft draft{event.kind, event.created_at, event.tags, event.content};
    change(draft);
    return nostr::sign_event(std::move(draft), author, rng);
  }

  Errc refusal(const nostr::Event& event, std::size_t receiver = 1) {
    const auto opened = open_message(event, key(receiver), dealt.group, now);
    EXPECT_FALSE(opened);
    return opened ? Errc::kInternal : opened.error().code;
  }

  base::SeededRng rng{80};
  Dealt dealt = must(deal(rng));
  base::UnixTime now = base::unix_time(1'800'000'000);
};

TEST_F(Peers, what_one_seals_the_other_opens) {
  const auto event = sealed("{\"a\":1}");
  EXPECT_EQ(event.kind, 20000);
  EXPECT_EQ(event.tags, (nostr::Tags{{"p", identity(1).hex()}}));
  EXPECT_EQ(event.content.find_first_of("+/="), std::string::npos);
  EXPECT_TRUE(nostr::check(event));
  const auto opened = must(open_message(event, key(1), dealt.group, now));
  EXPECT_EQ(opened.text, "{\"a\":1}");
  EXPECT_EQ(opened.from, ShareIndex{1});
}

TEST_F(Peers, an_echo_to_oneself_is_marked) {
  const auto event = must(seal_message(key(1), identity(1), "echo", now, rng));
  EXPECT_TRUE(must(open_message(event, key(1), dealt.group, now)).from_self);
}

TEST_F(Peers, the_longest_message_fits_and_one_byte_more_does_not) {
  const std::string longest(65'535, 'x');
  EXPECT_EQ(must(open_message(sealed(longest), key(1), dealt.group, now)).text, longest);
  EXPECT_EQ(seal_message(key(0), identity(1), longest + "x", now, rng).error().code, Errc::kLimit);
  EXPECT_EQ(seal_message(key(0), identity(1), "", now, rng).error().code, Errc::kLimit);
}

TEST_F(Peers, standard_base64_is_read_too) {
  const auto conversation = must(nostr::nip44_conversation_key(key(0), identity(1)));
  const auto event = resigned(key(0), [&](nostr::Draft& draft) {
    draft.content = must(nostr::nip44_encrypt(conversation, "padded", rng));
  });
  EXPECT_EQ(must(open_message(event, key(1), dealt.group, now)).text, "padded");
}

TEST_F(Peers, another_kind_or_recipient_is_refused) {
  EXPECT_EQ(refusal(resigned(key(0), [](nostr::Draft& d) { d.kind = 20004; })), Errc::kInvalid);
  EXPECT_EQ(refusal(resigned(key(0), [](nostr::Draft& d) { d.tags.clear(); })), Errc::kInvalid);
  EXPECT_EQ(refusal(sealed(), 2), Errc::kInvalid);
  // Mentioned, but encrypted for somebody else.
  EXPECT_EQ(refusal(resigned(key(0),
                             [&](nostr::Draft& d) { d.tags.push_back({"p", identity(2).hex()}); }),
                    2),
            Errc::kCrypto);
}

TEST_F(Peers, a_stranger_is_refused) {
  const auto stranger = nostr::SecretKey::generate(rng);
  EXPECT_EQ(refusal(must(seal_message(stranger, identity(1), "hi", now, rng))), Errc::kDenied);
}

TEST_F(Peers, created_at_outside_the_window_is_refused_on_both_sides) {
  const auto at = [&](int offset) {
    return resigned(key(0), [&](nostr::Draft& d) { d.created_at += base::seconds(offset); });
  };
  EXPECT_TRUE(open_message(at(120), key(1), dealt.group, now));
  EXPECT_TRUE(open_message(at(-120), key(1), dealt.group, now));
  EXPECT_EQ(refusal(at(121)), Errc::kTimeout);
  EXPECT_EQ(refusal(at(-121)), Errc::kTimeout);
}

TEST_F(Peers, a_wrong_id_or_signature_is_refused) {
  auto event = sealed();
  event.created_at += base::seconds(1);
  EXPECT_EQ(refusal(event), Errc::kCrypto);
  event = sealed();
  event.sig = sealed().sig;
  EXPECT_EQ(refusal(event), Errc::kCrypto);
}

TEST_F(Peers, damaged_content_is_refused) {
  const std::pair<std::string, Errc> cases[] = {
      {"", Errc::kInvalid},
      {std::string(131, 'A'), Errc::kInvalid},
      {std::string(200, '!'), Errc::kInvalid},
      {std::string(90'000, 'A'), Errc::kInvalid},
  };
  for (const auto& [content, code] : cases)
    EXPECT_EQ(refusal(resigned(key(0), [&](nostr::Draft& d) { d.content = content; })), code);
  EXPECT_EQ(refusal(resigned(key(0),
                             [](nostr::Draft& d) {
                               d.content[60] = d.content[60] == 'A' ? 'B' : 'A';
                             })),
            Errc::kCrypto);
}

TEST_F(Peers, the_filter_asks_for_members_who_mention_us) {
  const auto filter = transport_filter(dealt.group, identity(1));
  EXPECT_TRUE(nostr::matches(filter, sealed()));
  EXPECT_FALSE(nostr::matches(transport_filter(dealt.group, identity(2)), sealed()));
  const auto stranger = nostr::SecretKey::generate(rng);
  EXPECT_FALSE(
      nostr::matches(filter, must(seal_message(stranger, identity(1), "hi", now, rng))));
}

}  // namespace
}  // namespace frostr
