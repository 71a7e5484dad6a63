// What clients really send, reduced to who said what about what — and forgeries that must not be.
#include "orchestration/approvals/heard.h"

#include <gtest/gtest.h>

#include "nipsa/kinds.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip04.h"
#include "nostr/nips/nip44.h"

namespace orchestration {
namespace {

using nostr::Event;
using nostr::EventId;
using nostr::Kind;
using nostr::SecretKey;
using nostr::Tags;

constexpr std::int64_t kAt = 1'760'000'960;

class Hear : public testing::Test {
 protected:
  Event signed_event(const SecretKey& key, Kind kind, Tags tags, std::string content) {
    return nostr::sign_event({kind, base::unix_time(kAt), std::move(tags), std::move(content)}, key,
                             rng_);
  }
  nostr::UnsignedEvent rumor(const SecretKey& author, Kind kind, Tags tags, std::string content) {
    nostr::UnsignedEvent event;
    event.pubkey = author.public_key();
    event.created_at = base::unix_time(kAt);
    event.kind = kind;
    event.tags = std::move(tags);
    event.content = std::move(content);
    return event;
  }
  Event wrapped(const nostr::UnsignedEvent& message, const SecretKey& sender) {
    auto wrap =
        nostr::wrap_rumor(message, sender, self_.public_key(), base::unix_time(kAt + 5), rng_);
    EXPECT_TRUE(wrap.has_value());
    return *wrap;
  }
  Heard heard(const Event& event) {
    auto out = hear(event, self_);
    EXPECT_TRUE(out.has_value() && out->has_value());
    return **out;
  }
  bool is_nothing(const Event& event) {
    auto out = hear(event, self_);
    return out.has_value() && !out->has_value();
  }

  base::SeededRng rng_{1};
  SecretKey self_ = SecretKey::generate(rng_);
  SecretKey oper_ = SecretKey::generate(rng_);
  SecretKey eve_ = SecretKey::generate(rng_);
  EventId asked_ = *EventId::from_hex(std::string(64, '1'));
  EventId other_ = *EventId::from_hex(std::string(64, '2'));
  std::string to_ = self_.public_key().hex();
};

TEST_F(Hear, PublicReactionNamesItsTarget) {
  const Event event = signed_event(
      oper_, 7, {{"e", asked_.hex(), "wss://r", to_}, {"p", to_, "wss://r"}, {"k", "1"}}, "+");
  const Heard said = heard(event);
  EXPECT_EQ(said.form, Heard::Form::kReaction);
  EXPECT_EQ(said.channel, "reaction");
  EXPECT_EQ(said.id, event.id);
  EXPECT_EQ(said.author, oper_.public_key());
  EXPECT_EQ(said.text, "+");
  EXPECT_EQ(said.refers_to, std::vector{asked_});
  EXPECT_EQ(said.raw_json, nostr::to_json(event));
}

// Damus copies every e and p tag of the target in front of its own.
TEST_F(Hear, DamusReactionMeansTheLastE) {
  const Heard said = heard(signed_event(oper_, 7,
                                        {{"p", oper_.public_key().hex()},
                                         {"e", other_.hex()},
                                         {"p", to_},
                                         {"e", asked_.hex(), "wss://r", to_}},
                                        "🤙"));
  EXPECT_EQ(said.refers_to, std::vector{asked_});
}

TEST_F(Hear, NoteMeansItsParent) {
  EXPECT_EQ(heard(signed_event(oper_, 1, {{"e", asked_.hex(), "wss://r", "root", to_}, {"p", to_}},
                               "yes"))
                .refers_to,
            std::vector{asked_});
  EXPECT_EQ(heard(signed_event(oper_, 1,
                               {{"e", other_.hex(), "", "root"}, {"e", asked_.hex(), "", "reply"}},
                               "yes"))
                .refers_to,
            std::vector{asked_});
  EXPECT_EQ(
      heard(signed_event(oper_, 1, {{"e", other_.hex()}, {"e", asked_.hex()}}, "yes")).refers_to,
      std::vector{asked_});
  // A quoted question is not what the note answers.
  EXPECT_EQ(
      heard(signed_event(oper_, 1, {{"e", other_.hex(), "", "reply"}, {"q", asked_.hex()}}, "yes"))
          .refers_to,
      std::vector{other_});
}

TEST_F(Hear, CommentMeansTheLowerCaseE) {
  const Heard said = heard(signed_event(oper_, 1111,
                                        {{"E", other_.hex(), "wss://r"},
                                         {"K", "39212"},
                                         {"e", asked_.hex(), "wss://r"},
                                         {"k", "39212"},
                                         {"p", to_}},
                                        "no, too expensive"));
  EXPECT_EQ(said.channel, "comment");
  EXPECT_EQ(said.refers_to, std::vector{asked_});
}

TEST_F(Hear, LegacyMessageIsDecrypted) {
  auto shared = nostr::ecdh(oper_, self_.public_key());
  const Heard said = heard(
      signed_event(oper_, 4, {{"p", to_}}, nostr::nip04_encrypt(*shared, "yes K7QF-2M9X", rng_)));
  EXPECT_EQ(said.channel, "nip04");
  EXPECT_EQ(said.text, "yes K7QF-2M9X");
  EXPECT_TRUE(said.refers_to.empty());
}

TEST_F(Hear, LegacyMessageToSomebodyElseIsNothing) {
  auto shared = nostr::ecdh(oper_, self_.public_key());
  EXPECT_TRUE(is_nothing(signed_event(oper_, 4, {{"p", eve_.public_key().hex()}},
                                      nostr::nip04_encrypt(*shared, "yes", rng_))));
  EXPECT_TRUE(is_nothing(signed_event(oper_, 4, {}, nostr::nip04_encrypt(*shared, "yes", rng_))));
}

TEST_F(Hear, LegacyGarbageIsAnError) {
  EXPECT_FALSE(
      hear(signed_event(oper_, 4, {{"p", to_}}, "not base64?iv=at all"), self_).has_value());
  auto wrong = nostr::ecdh(eve_, self_.public_key());
  const auto out = hear(
      signed_event(oper_, 4, {{"p", to_}}, nostr::nip04_encrypt(*wrong, "yes K7QF-2M9X", rng_)),
      self_);
  if (out && *out) {
    EXPECT_NE((**out).text, "yes K7QF-2M9X");
  }
}

TEST_F(Hear, WrappedMessageIsDatedByItsRumor) {
  const auto message = rumor(oper_, 14, {{"e", asked_.hex(), "", "reply"}, {"p", to_}}, "ok");
  const Event wrap = wrapped(message, oper_);
  const Heard said = heard(wrap);
  EXPECT_EQ(said.channel, "nip17");
  EXPECT_EQ(said.id, nostr::compute_id(message));
  EXPECT_EQ(said.author, oper_.public_key());
  EXPECT_EQ(said.said_at, base::unix_time(kAt));
  EXPECT_EQ(said.refers_to, std::vector{asked_});
  EXPECT_EQ(said.wrap_json, nostr::to_json(wrap));
}

TEST_F(Hear, SameRumorInTwoWrapsIsOneMessage) {
  const auto message = rumor(oper_, 14, {{"p", to_}}, "Yes k7qf2m9x");
  EXPECT_EQ(heard(wrapped(message, oper_)).id, heard(wrapped(message, oper_)).id);
}

TEST_F(Hear, WrappedReactionAndDeletionAreRead) {
  const Heard reaction =
      heard(wrapped(rumor(oper_, 7, {{"e", asked_.hex()}, {"p", to_}, {"k", "14"}}, "+"), oper_));
  EXPECT_EQ(reaction.form, Heard::Form::kReaction);
  EXPECT_EQ(reaction.refers_to, std::vector{asked_});
  const Heard deletion = heard(
      wrapped(rumor(oper_, 5, {{"e", asked_.hex()}, {"e", other_.hex()}, {"k", "14"}}, ""), oper_));
  EXPECT_EQ(deletion.form, Heard::Form::kDeletion);
  EXPECT_EQ(deletion.refers_to, (std::vector{asked_, other_}));
}

TEST_F(Hear, SealByAnotherThanTheRumorsAuthorIsAForgery) {
  const auto message = rumor(oper_, 14, {{"p", to_}}, "yes K7QF-2M9X");
  const auto seal_key = nostr::nip44_conversation_key(eve_, self_.public_key());
  auto sealed = nostr::nip44_encrypt(*seal_key, nostr::to_json(message), rng_);
  const Event seal =
      nostr::sign_event(nostr::build_seal(*sealed, base::unix_time(kAt), rng_), eve_, rng_);
  auto wrap = nostr::wrap_seal(seal, self_.public_key(), base::unix_time(kAt), rng_);
  ASSERT_TRUE(wrap.has_value());
  EXPECT_FALSE(hear(*wrap, self_).has_value());
}

TEST_F(Hear, SealWithABrokenSignatureIsAForgery) {
  const auto message = rumor(oper_, 14, {{"p", to_}}, "yes K7QF-2M9X");
  const auto seal_key = nostr::nip44_conversation_key(eve_, self_.public_key());
  auto sealed = nostr::nip44_encrypt(*seal_key, nostr::to_json(message), rng_);
  Event seal =
      nostr::sign_event(nostr::build_seal(*sealed, base::unix_time(kAt), rng_), eve_, rng_);
  seal.pubkey = oper_.public_key();  // claims the operator, signed by somebody else
  seal.id = nostr::compute_id(nostr::unsigned_part(seal));
  auto wrap = nostr::wrap_seal(seal, self_.public_key(), base::unix_time(kAt), rng_);
  EXPECT_FALSE(hear(*wrap, self_).has_value());
}

TEST_F(Hear, WrapForSomebodyElseIsAnError) {
  const auto message = rumor(oper_, 14, {{"p", to_}}, "yes");
  auto wrap = nostr::wrap_rumor(message, oper_, eve_.public_key(), base::unix_time(kAt), rng_);
  EXPECT_FALSE(hear(*wrap, self_).has_value());
}

TEST_F(Hear, BareRumorKindIsNothing) {
  EXPECT_TRUE(is_nothing(signed_event(oper_, 14, {{"p", to_}}, "yes K7QF-2M9X")));
}

TEST_F(Hear, ZapsRepostsAndFilesAreNothing) {
  for (const Kind kind : std::vector<Kind>{6, 16, 15, 1984, 9735, 30'023})
    EXPECT_TRUE(
        is_nothing(signed_event(oper_, kind, {{"e", asked_.hex()}, {"p", to_}}, "yes K7QF-2M9X")))
        << kind;
  EXPECT_TRUE(is_nothing(wrapped(rumor(oper_, 15, {{"p", to_}}, "yes"), oper_)));
}

TEST_F(Hear, DecisionKeepsItsDigest) {
  const std::string digest(64, 'd');
  const Heard said = heard(signed_event(oper_, nipsa::kinds::kApprovalDecision,
                                        {{"d", asked_.hex()},
                                         {"e", asked_.hex()},
                                         {"p", to_},
                                         {"decision", "approved"},
                                         {"action_hash", digest}},
                                        ""));
  EXPECT_EQ(said.form, Heard::Form::kDecision);
  EXPECT_EQ(said.refers_to, std::vector{asked_});
  ASSERT_TRUE(said.decision.has_value());
  EXPECT_EQ(said.decision->action_hash->hex(), digest);
}

TEST_F(Hear, UndecidedDecisionIsAnError) {
  EXPECT_FALSE(
      hear(signed_event(oper_, nipsa::kinds::kApprovalDecision,
                        {{"d", asked_.hex()}, {"e", asked_.hex()}, {"decision", "maybe"}}, ""),
           self_)
          .has_value());
}

TEST_F(Hear, DeletionListsAreBounded) {
  Tags tags;
  for (int i = 0; i < 500; ++i) tags.push_back({"e", nostr::sha256(std::to_string(i)).hex()});
  EXPECT_LE(heard(signed_event(oper_, 5, std::move(tags), "")).refers_to.size(), 64u);
}

}  // namespace
}  // namespace orchestration
