// 39220 and 39221: who may use a skill, and the skill on its way to them.
#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"
#include "tests/nipsa/skill_fixture.h"

namespace {

using namespace nipsa_test;

const std::vector<nostr::PublicKey> kIssuers{market().public_key()};

std::string judged(const nostr::Event& e, base::UnixTime now = kNow) {
  const auto licence = nipsa::parse_licence(e);
  if (!licence) return outcome(licence);
  return outcome(nipsa::check_licence(*licence, kIssuers, agent().public_key(), now));
}
nostr::Event changed(std::string_view name, const nostr::Tags& tags) {
  return with(licence_event(), name, tags, market());
}

TEST(Licence, RoundTrip) {
  EXPECT_EQ(nipsa::parse_licence(licence_event()).value(), echo_licence());
  EXPECT_EQ(licence_event().tags[0][1], std::string(32, 'a') + ":" + agent().public_key().hex());
  EXPECT_EQ(nostr::tag_value(licence_event().tags, "expires"),
            nostr::tag_value(licence_event().tags, "expires_at"));
}

TEST(Licence, KeepsANameThatIsNotTheSlug) {
  nipsa::Licence named = echo_licence();
  named.skill_name = "Echo of the Hills";
  const auto event = sign(nipsa::build_licence(named, kNow).value(), market());
  EXPECT_EQ(nipsa::parse_licence(event).value(), named);
}

TEST(Licence, WithoutABeginningIsNotWritten) {
  nipsa::Licence undated = echo_licence();
  undated.licensed_at = {};
  EXPECT_EQ(outcome(nipsa::build_licence(undated, kNow)), "E_TAG_MISSING");
}

TEST(Licence, TwoAgentsOfOneSkillHaveTwoAddresses) {
  nipsa::Licence other = echo_licence();
  other.agent = pub('7');
  EXPECT_NE(other.address(), echo_licence().address());
}

TEST(Licence, WhatItSays) {
  const auto at = [](base::UnixTime t) { return std::to_string(base::to_unix(t)); };
  const struct {
    const char* why;
    const char* name;
    nostr::Tags tags;
    const char* want;
  } cases[] = {
      {"as written", "x", {}, "ok"},
      {"expired at exactly its date", "expires_at", {{"expires_at", at(kNow)}}, "E_EXPIRED"},
      {"the older date counts too", "expires", {{"expires", at(kNow)}}, "E_EXPIRED"},
      {"no p, but agent", "p", {}, "ok"},
      {"another p", "p", {{"p", pub('7').hex()}}, "E_CONFLICT"},
      {"two rails", "payment_rail", {{"payment_rail", "a"}, {"payment_rail", "a"}}, "E_TAG_DUP"},
      {"unknown type", "license_type", {{"license_type", "lifetime"}}, "E_EXPIRED"},
      {"perpetual with a past date",
       "license_type",
       {{"license_type", "perpetual"}},
       "ok"},
      {"revoked", "status", {{"status", "revoked"}}, "E_REVOKED"},
      {"a status we do not know", "status", {{"status", "paused"}}, "E_REVOKED"},
      {"not begun", "licensed_at", {{"licensed_at", at(kNow + std::chrono::seconds(301))}}, "E_FUTURE"},
      {"bad hex", "content_pubkey", {{"content_pubkey", "02ab"}}, "E_HEX"},
      {"another protocol's goal", "a", {{"a", "30000:" + pub('7').hex() + ":x"}}, "ok"},
  };
  for (const auto& c : cases) EXPECT_EQ(judged(changed(c.name, c.tags)), c.want) << c.why;
  EXPECT_EQ(judged(with(changed("a", {}), "skill", {}, market())), "E_KIND") << "no skill at all";
  const auto nobody = with(changed("p", {}), "agent", {}, market());
  EXPECT_EQ(judged(nobody), "E_TAG_MISSING");
  const auto others = with(changed("p", {{"p", pub('7').hex()}}), "agent", {}, market());
  EXPECT_EQ(judged(others), "E_AUTHZ");
  EXPECT_EQ(judged(sign({39220, kNow, licence_event().tags, ""}, stranger())), "E_SIGNER");
  const auto ends = *echo_licence().expires;
  EXPECT_EQ(judged(licence_event(), ends - std::chrono::seconds(1)), "ok");
  EXPECT_EQ(judged(licence_event(), ends), "E_EXPIRED");
}

TEST(Licence, ReadsTheOlderDialect) {
  const auto ends = kNow + std::chrono::hours(1);
  const auto old = sign({39220, kNow,
                         {{"d", "echo"}, {"agent", agent().public_key().hex()}, {"skill", "Echo"},
                          {"price_sats", "10"}},
                         R"({"skill_id":"echo","version":"1.0.0","granted_at":1760000000,"expires_at":)" +
                             std::to_string(base::to_unix(ends)) +
                             R"(,"capabilities":["http:outbound"],"restrictions":{"max_requests_per_day":3}})"},
                        market());
  const auto l = nipsa::parse_licence(old).value();
  EXPECT_EQ(l.id, "echo");
  EXPECT_EQ(l.agent, agent().public_key());
  EXPECT_EQ(l.expires, ends);
  EXPECT_EQ(l.max_per_day, 3u);
  EXPECT_EQ(l.capabilities, nipsa::Capabilities{"http:outbound"});
  EXPECT_EQ(judged(old), "ok");
  EXPECT_EQ(judged(old, ends), "E_EXPIRED");
}

TEST(Licence, IsNotTakenOutOfAnotherProtocolsGoalsAndMemories) {
  const auto goal = sign({39220, kNow, {{"d", "goal-1"}, {"p", agent().public_key().hex()}, {"status", "active"}},
                          R"({"title":"Find sources","priority":1})"},
                         market());
  EXPECT_EQ(judged(goal), "E_KIND");
  const nostr::UnsignedEvent memory{agent().public_key(), kNow, 39221, {{"d", "memory-1"}, {"p", agent().public_key().hex()}},
                                    R"({"type":"observation","content":"seen"})"};
  const auto read = nipsa::parse_delivery(memory);
  ASSERT_FALSE(read);
  EXPECT_EQ(nipsa::code_of(read.error()), nipsa::Code::kKind);
}

TEST(Licence, AMeterWithoutANumberAdmitsNothing) {
  EXPECT_EQ(nipsa::parse_licence(changed("max_uses", {}))->max_uses, 0u);
}

TEST(Licence, TheWriterIsStrict) {
  const auto built = [](auto change) {
    nipsa::Licence l = echo_licence();
    change(l);
    return outcome(nipsa::build_licence(l, kNow));
  };
  EXPECT_EQ(built([](auto&) {}), "ok");
  EXPECT_EQ(built([](auto& l) { l.id = "echo"; }), "E_TAG_BAD");
  EXPECT_EQ(built([](auto& l) { l.skill.reset(); }), "E_TAG_MISSING");
  EXPECT_EQ(built([](auto& l) { l.content_key.reset(); }), "E_TAG_MISSING");
  EXPECT_EQ(built([](auto& l) { l.max_uses.reset(); }), "E_TAG_MISSING");
  EXPECT_EQ(built([](auto& l) { l.expires = l.licensed_at; }), "E_NUM");
}

TEST(Licence, CoversOneManifest) {
  const auto manifest = nipsa::parse_manifest(echo_event()).value();
  const auto covers = [&](auto change) {
    nipsa::Licence l = echo_licence();
    change(l);
    return outcome(nipsa::check_licence_covers(l, echo_event(), manifest));
  };
  EXPECT_EQ(covers([](auto&) {}), "ok");
  EXPECT_EQ(covers([](auto& l) { l.version = "1.0.1"; }), "E_REF");
  EXPECT_EQ(covers([](auto& l) { l.manifest = id('c'); }), "E_REF");
  EXPECT_EQ(covers([](auto& l) { l.skill->d = "other"; }), "E_REF");
  EXPECT_EQ(covers([](auto& l) { l.manifest_hash = hash('c'); }), "E_HASH");
}

// ---- delivery

TEST(Delivery, DigestVector) {
  const nostr::Address echo_of_b{33400, nostr::PublicKey::from_hex(std::string(64, 'b')).value(), "echo"};
  EXPECT_EQ(nipsa::delivery_digest(echo_of_b, id('c'), "1.0.0", hash('d'),
                                   nostr::PublicKey::from_hex(std::string(64, 'a')).value(),
                                   nostr::PublicKey::from_hex(std::string(64, 'e')).value())
                .hex(),
            "79de587ca22bf8a7a38cb05dcf81d6b15a2b8605cd75d980bb900af8672da349");
}

TEST(Delivery, RoundTrip) {
  const auto rumor = nostr::with_author(nipsa::build_delivery(delivery(), kNow).value(),
                                        publisher().public_key());
  const auto read = nipsa::parse_delivery(rumor).value();
  EXPECT_EQ(read.manifest, echo_event());
  EXPECT_EQ(read.payload, "Ag==");
  EXPECT_EQ(read.signature, delivery().signature);
  EXPECT_EQ(nipsa::check_delivery(read, publisher().public_key(), echo_licence())->slug, "echo");
}

TEST(Delivery, IsHeldAgainstItsLicence) {
  const auto checked = [](auto change, nostr::PublicKey by = publisher().public_key()) {
    auto x = delivery();
    change(x);
    return outcome(nipsa::check_delivery(x, by, echo_licence()));
  };
  EXPECT_EQ(checked([](auto&) {}), "ok");
  EXPECT_EQ(checked([](auto&) {}, stranger().public_key()), "E_SIGNER");
  EXPECT_EQ(checked([](auto& x) { x.agent = pub('7'); }), "E_AUTHZ");
  EXPECT_EQ(checked([](auto& x) { x.manifest.reset(); }), "E_REF");
  EXPECT_EQ(checked([](auto& x) { x.manifest->content = "forged"; }), "E_HASH");
  EXPECT_EQ(checked([](auto& x) { x.skill->d = "other"; }), "E_REF");
  EXPECT_EQ(checked([](auto& x) { x.version = "2.0.0"; }), "E_REF");
  EXPECT_EQ(checked([](auto& x) { x.licence->d = "other"; }), "E_REF");
  EXPECT_EQ(checked([](auto& x) { x.content_key = pub('7'); }), "E_REF");
  EXPECT_EQ(checked([](auto& x) { x.content_hash = hash('c'); }), "E_HASH");
  EXPECT_EQ(checked([](auto& x) { x.signature = nostr::Signature{}; }), "E_SIG");
}

TEST(Delivery, IsTheSameInWhateverItComes) {
  base::SeededRng rng(5);
  const nostr::SecretKey& receiver = runner();
  const auto rumor = nostr::with_author(nipsa::build_delivery(delivery(), kNow).value(), publisher().public_key());
  const auto stored = nostr::wrap_rumor(rumor, publisher(), receiver.public_key(), kNow, rng).value();
  const nostr::SecretKey one_time = nostr::SecretKey::generate(rng);
  const auto seal = nostr::open_wrap(stored, receiver).value();
  const auto again = [&](nostr::Kind kind, nostr::Tags tags) {
    const auto key = nostr::nip44_conversation_key(one_time, receiver.public_key()).value();
    return sign({kind, kNow, std::move(tags), nostr::nip44_encrypt(key, nostr::to_json(seal), rng).value()}, one_time);
  };
  const nostr::Tag to{"p", receiver.public_key().hex()};
  const nostr::Event forms[] = {stored, again(nipsa::kFleetingWrap, {to}),
                                again(39221, {{"d", "x"}, to, {"license", "39220:" + pub('9').hex() + ":another"}})};
  for (const nostr::Event& form : forms) {
    const auto opened = nipsa::unwrap_delivery(form, receiver).value();
    EXPECT_EQ(opened.event, rumor) << form.kind;
    const auto read = nipsa::parse_delivery(opened.event).value();
    EXPECT_EQ(outcome(nipsa::check_delivery(read, opened.event.pubkey, echo_licence())), "ok") << form.kind;
    EXPECT_EQ(outcome(nipsa::unwrap_delivery(form, stranger())), "E_CRYPTO") << form.kind;
    nostr::Event broken = form;
    broken.tags.push_back({"x"});
    EXPECT_EQ(outcome(nipsa::unwrap_delivery(broken, receiver)), "E_SIG") << form.kind;
  }
  EXPECT_EQ(outcome(nipsa::unwrap_delivery(again(14, {to}), receiver)), "E_KIND");
  const auto in_clear = sign({39221, kNow, {{"d", "x"}, to}, rumor.content}, publisher());
  EXPECT_EQ(outcome(nipsa::unwrap_delivery(in_clear, receiver)), "E_CRYPTO") << "for all to read";
}

TEST(Delivery, ReadsTheOlderDialect) {
  const nostr::UnsignedEvent old{
      publisher().public_key(), kNow, 39221,
      {{"p", agent().public_key().hex()}, {"skill", "echo"}, {"type", "skill-md"},
       {"hash", hash('c').hex()}, {"license", echo_licence().address().str()}},
      R"({"skill_id":"echo","content":"Say hello","content_type":"skill-md"})"};
  const auto read = nipsa::parse_delivery(old).value();
  EXPECT_EQ(read.content_hash, hash('c'));
  EXPECT_EQ(read.licence, echo_licence().address());
  EXPECT_EQ(read.payload, "Say hello");
}

TEST(Delivery, ABlobHasBounds) {
  const auto read = [](std::string blob) {
    const nostr::UnsignedEvent e{publisher().public_key(), kNow, 39221,
                                 {{"p", agent().public_key().hex()}},
                                 R"({"skill_id":"echo","content":"Ag==","blob":)" + blob + "}"};
    return outcome(nipsa::parse_delivery(e));
  };
  const std::string good_hash = std::string(64, 'a');
  EXPECT_EQ(read(R"({"url":"https://x/y","sha256":")" + good_hash + R"(","size":9,"alg":"aes-256-gcm"})"), "ok");
  EXPECT_EQ(read(R"({"url":"file:///etc/passwd","sha256":")" + good_hash + R"(","size":9})"), "E_JSON");
  EXPECT_EQ(read(R"({"url":"https://x","sha256":")" + good_hash + R"(","size":99999999})"), "E_SIZE");
  EXPECT_EQ(read(R"({"url":"https://x","sha256":"","size":9})"), "E_HEX");
}

}  // namespace
