// 33410 and 33411: a response proves a key once, in time, to the one who asked.
#include "nipsa/auth.h"

#include "nostr/nips/nip40.h"
#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;
using std::chrono::seconds;

struct Auth : testing::Test {
  Auth() {
    base::SeededRng rng(3);
    challenge = nipsa::new_challenge(agent().public_key(), kNow, rng);
    asked = sign(nipsa::build_auth_challenge(challenge, kNow).value(), guardian());
    EXPECT_EQ(outcome(desk.open(asked, kNow)), "ok");
  }
  nipsa::AuthResponse response() const {
    return {.challenge = asked.id, .asker = guardian().public_key(), .nonce = challenge.nonce, .relay = "wss://r"};
  }
  nostr::Event answer(const nipsa::AuthResponse& r, const nostr::SecretKey& by = agent(),
                      base::UnixTime at = kNow) const {
    return sign(nipsa::build_auth_response(r, challenge.expires, at).value(), by);
  }
  std::string accept(const nostr::Event& event, base::UnixTime received = kNow) {
    return outcome(desk.accept(event, received));
  }

  nipsa::AuthChallenge challenge;
  nostr::Event asked;
  nipsa::AuthDesk desk;
};

TEST_F(Auth, BothComeBackAsTheyWereWrittenAndExpireOnRelays) {
  EXPECT_EQ(nipsa::parse_auth_challenge(asked).value(), challenge);
  EXPECT_EQ(nipsa::parse_auth_response(answer(response())).value(), response());
  EXPECT_EQ(nostr::expiration_of(asked.tags), challenge.expires);
  EXPECT_EQ(nostr::expiration_of(answer(response()).tags), challenge.expires);
}

TEST_F(Auth, AResponseProvesTheKeyOnce) {
  EXPECT_EQ(desk.accept(answer(response()), kNow).value(), agent().public_key());
  EXPECT_EQ(accept(answer(response())), "E_REPLAY");
}

TEST_F(Auth, AWrongLateOrForeignResponseProvesNothing) {
  EXPECT_EQ(accept(answer(response(), stranger())), "E_SIGNER");
  auto other = response();
  other.nonce = nipsa::AuthNonce::from_hex(std::string(64, 'a')).value();
  EXPECT_EQ(accept(answer(other)), "E_REF");
  other = response();
  other.asker = pub('8');
  EXPECT_EQ(accept(answer(other)), "E_REF");
  other = response();
  other.challenge = id('a');
  EXPECT_EQ(accept(answer(other)), "E_REPLAY");
  EXPECT_EQ(accept(answer(response(), agent(), kNow - seconds(121))), "E_STALE");
  const auto ends = challenge.expires;
  EXPECT_EQ(accept(answer(response(), agent(), ends + seconds(1)), ends + seconds(1)), "E_EXPIRED");
  EXPECT_EQ(accept(answer(response(), agent(), ends), ends + seconds(6)), "E_EXPIRED") << "too long on its way";
  auto forged = answer(response());
  forged.tags.push_back({"x"});
  EXPECT_EQ(accept(forged), "E_SIG");
  EXPECT_EQ(accept(answer(response(), agent(), ends), ends + seconds(5)), "ok")
      << "none of those used the challenge up";
}

TEST_F(Auth, OpenChallengesAreBoundedAndForgotten) {
  base::SeededRng rng(5);
  const auto open = [&](base::UnixTime at) {
    const auto one = nipsa::new_challenge(agent().public_key(), at, rng);
    return outcome(desk.open(sign(nipsa::build_auth_challenge(one, at).value(), guardian()), at));
  };
  for (std::size_t i = desk.open_count(); i < nipsa::kMaxOpenChallenges; ++i) ASSERT_EQ(open(kNow), "ok");
  EXPECT_EQ(open(kNow), "E_SIZE");
  EXPECT_EQ(open(kNow + seconds(66)), "ok");
  EXPECT_EQ(desk.open_count(), 1u);
}

TEST_F(Auth, BrokenOnesAreTyped) {
  const auto read = [&](const char* name, const nostr::Tags& tags) {
    return outcome(nipsa::parse_auth_challenge(with(asked, name, tags, guardian())));
  };
  EXPECT_EQ(read("nonce", {}), "E_TAG_MISSING");
  EXPECT_EQ(read("nonce", {{"nonce", "xyz"}}), "E_HEX");
  EXPECT_EQ(read("nonce", {{"nonce", std::string(64, 'a')}, {"nonce", std::string(64, 'b')}}), "E_TAG_DUP");
  EXPECT_EQ(read("p", {}), "E_TAG_MISSING");
  EXPECT_EQ(read("exp", {}), "E_TAG_MISSING");
  EXPECT_EQ(read("exp", {{"exp", std::to_string(base::to_unix(kNow))}}), "E_NUM");
  EXPECT_EQ(read("exp", {{"exp", std::to_string(base::to_unix(kNow) + 601)}}), "E_NUM");
  EXPECT_EQ(outcome(nipsa::build_auth_challenge({.challenged = agent().public_key(), .nonce = {}, .expires = kNow + seconds(60)}, kNow)),
            "E_TAG_MISSING");
}

}  // namespace
