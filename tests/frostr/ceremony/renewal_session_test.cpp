// New shares among parties whose messages get lost, who are restarted, or who cheat.
#include "frostr/ceremony/renewal_session.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>

#include "frostr/frost/ecdh.h"
#include "nostr/base/result.h"

namespace frostr {
namespace {

using base::Errc;
using Type = CeremonyMessage::Type;
using Kind = Invitation::Kind;

template <class T>
T must(Result<T> value) {
  EXPECT_TRUE(value.has_value()) << (value ? "" : value.error().detail);
  if (!value) std::abort();
  return *std::move(value);
}

class RenewalSessionTest : public ::testing::Test {
 protected:
  struct Person {
    nostr::SecretKey key;
    base::Secret<32> seed;
    std::optional<SecretShare> share;  ///< on disk
    std::optional<SecretShare> fresh;  ///< beside it
    base::Bytes confirmations;
    std::optional<RenewalSession> session;
  };
  struct Mail {
    std::size_t from;
    nostr::PublicKey to;
    std::string text;
  };

  RenewalSessionTest() : dealt(must(deal(rng, 2, 3))) {
    for (std::size_t i = 0; i < 5; ++i) {
      people.push_back({nostr::SecretKey::generate(rng), rng.secret<32>(), {}, {}, {}, {}});
      if (i < 3) people[i].share = dealt.shares[i].clone();
    }
  }

  /// holds and receives by position; 0 is none.
  void invite(Kind kind, std::uint32_t threshold, std::vector<std::pair<std::uint32_t, std::uint32_t>> roles) {
    Invitation made{kind, rng.hex(32), {"ws://127.0.0.1:7777"}, threshold, {}, dealt.group};
    for (std::size_t i = 0; i < roles.size(); ++i) {
      Invitation::Party party{people[i].key.public_key(), {}, {}};
      if (roles[i].first > 0) party.holds = ShareIndex{roles[i].first};
      if (roles[i].second > 0) party.receives = ShareIndex{roles[i].second};
      made.parties.push_back(party);
    }
    ASSERT_TRUE(check(made)) << check(made).error().detail;
    invitation = made;
    for (std::size_t i = 0; i < roles.size(); ++i) start(i);
  }
  void start(std::size_t i) {
    Person& person = people[i];
    std::optional<SecretShare> share;
    if (person.share && invitation.parties[i].holds) share = person.share->clone();
    person.session = must(RenewalSession::create(invitation, person.key.clone(), std::move(share),
                                                 {person.seed.clone(), person.confirmations}, now, rng, {}));
  }

  /// What a program does between hearing and speaking.
  void keep(Person& person) {
    const Renewed* renewed = person.session->renewed();
    if (renewed != nullptr) {
      group = renewed->group;
      if (renewed->share) person.fresh = renewed->share->clone();
    }
    if (!person.session->may_let_go() || !person.confirmations.empty()) return;
    person.confirmations = person.session->confirmations();
    const auto at = static_cast<std::size_t>(&person - people.data());
    if (person.fresh) person.share = std::exchange(person.fresh, std::nullopt);
    else if (invitation.kind == Kind::kReshare && !invitation.parties[at].receives) person.share.reset();
  }
  void post(std::size_t from, std::vector<CeremonyMail> messages) {
    keep(people[from]);
    for (auto& message : messages) mail.push_back({from, message.to, std::move(message.text)});
  }
  void run(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now += base::seconds{1};
      for (std::size_t p = 0; p < people.size(); ++p)
        if (people[p].session) post(p, people[p].session->tick(now));
      while (!mail.empty()) {
        Mail next = std::move(mail.front());
        mail.pop_front();
        if (tamper && !tamper(next)) continue;
        for (std::size_t p = 0; p < people.size(); ++p)
          if (people[p].session && people[p].key.public_key() == next.to)
            post(p, people[p].session->receive(people[next.from].key.public_key(), next.text));
      }
    }
  }

  void expect_confirmed(std::size_t parties) {
    for (std::size_t i = 0; i < parties; ++i) {
      const auto& outcome = people[i].session->outcome();
      ASSERT_TRUE(outcome && outcome->has_value()) << i << ": " << (outcome && !*outcome ? outcome->error().detail : people[i].session->waiting_for());
      EXPECT_TRUE((*outcome)->confirmed) << i;
    }
  }
  base::Error failure(std::size_t i) {
    const auto& outcome = people[i].session->outcome();
    EXPECT_TRUE(outcome && !*outcome) << i;
    return outcome && !*outcome ? outcome->error() : base::Error{};
  }
  /// Everybody's share is the group's, whose key is the old one.
  void expect_shares(std::vector<std::size_t> holders) {
    EXPECT_EQ(group->group_pk(), dealt.group.group_pk());
    EXPECT_TRUE(group->check_consistency());
    for (const std::size_t i : holders) {
      ASSERT_TRUE(people[i].share) << i;
      EXPECT_TRUE(check_share(*people[i].share, *group)) << i;
    }
  }
  std::function<bool(Mail&)> change(std::size_t from, Type type, std::function<void(Mail&, CeremonyMessage&)> with) {
    return [=](Mail& one) {
      auto parsed = must(parse_ceremony_message(one.text));
      if (one.from != from || parsed.message.type != type) return true;
      with(one, parsed.message);
      one.text = to_text(parsed.session, parsed.message);
      return true;
    };
  }

  base::SeededRng rng{81};
  Dealt dealt;
  base::UnixTime now = base::UnixTime{base::seconds{1'700'000'000}};
  std::vector<Person> people;
  Invitation invitation;
  std::optional<GroupPackage> group;
  std::deque<Mail> mail;
  std::function<bool(Mail&)> tamper;
};

TEST_F(RenewalSessionTest, a_refresh_gives_new_shares_that_do_not_fit_the_old) {
  invite(Kind::kRefresh, 2, {{1, 1}, {2, 2}, {3, 3}});
  run(5);
  expect_confirmed(3);
  expect_shares({0, 1, 2});
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(check_share(dealt.shares[i], *group));
    EXPECT_FALSE(check_share(*people[i].share, dealt.group));
  }
}

TEST_F(RenewalSessionTest, lost_messages_are_repeated) {
  tamper = [this](Mail&) { return rng.below(3) != 0; };
  invite(Kind::kRefresh, 2, {{1, 1}, {2, 2}, {3, 3}});
  run(60);
  expect_confirmed(3);
  expect_shares({0, 1, 2});
}

TEST_F(RenewalSessionTest, a_reshare_changes_threshold_and_roster) {
  invite(Kind::kReshare, 3, {{1, 1}, {2, 2}, {0, 3}, {0, 4}, {0, 5}});
  run(5);
  expect_confirmed(5);
  expect_shares({0, 1, 2, 3, 4});
  EXPECT_EQ(group->threshold(), 3);
  EXPECT_EQ(group->members().size(), 5);
}

TEST_F(RenewalSessionTest, who_leaves_in_a_reshare_has_nothing_afterwards) {
  invite(Kind::kReshare, 2, {{1, 0}, {2, 2}, {3, 3}});
  run(5);
  expect_confirmed(3);
  expect_shares({1, 2});
  EXPECT_FALSE(people[0].share);
}

TEST_F(RenewalSessionTest, a_repair_gives_the_very_share_back) {
  people[2].share.reset();
  invite(Kind::kRepair, 2, {{1, 0}, {2, 0}, {0, 3}});
  run(5);
  expect_confirmed(3);
  expect_shares({0, 1, 2});
  EXPECT_EQ(*group, dealt.group);
}

TEST_F(RenewalSessionTest, a_party_killed_before_it_confirmed_goes_on) {
  tamper = [](Mail& next) { return next.text.find("\"confirm\"") == std::string::npos; };
  invite(Kind::kRefresh, 2, {{1, 1}, {2, 2}, {3, 3}});
  run(3);
  start(1);
  tamper = nullptr;
  run(6);
  expect_confirmed(3);
  expect_shares({0, 1, 2});
}

TEST_F(RenewalSessionTest, a_party_killed_after_it_let_go_still_convinces_the_rest) {
  // Nobody hears that the first let go, and only it has all confirmations.
  tamper = [this](Mail& next) {
    return next.to == people[0].key.public_key() ||
           (next.text.find("\"confirm\"") == std::string::npos &&
            next.text.find("\"renewed\"") == std::string::npos);
  };
  invite(Kind::kRefresh, 2, {{1, 1}, {2, 2}, {3, 3}});
  run(3);
  ASSERT_TRUE(people[0].session->may_let_go());
  ASSERT_FALSE(people[1].session->may_let_go());
  start(0);
  // From here on the third is silent towards the second: the first passes its confirmation on.
  tamper = [this](Mail& next) { return next.from != 2 || next.to == people[0].key.public_key(); };
  run(6);
  EXPECT_TRUE(people[1].session->may_let_go());
  expect_shares({0, 1, 2});
}

TEST_F(RenewalSessionTest, a_wrong_share_names_its_dealer) {
  tamper = change(1, Type::kDealing, [this](Mail& one, CeremonyMessage& message) {
    if (one.to == people[2].key.public_key()) message.data.back() ^= 1;
  });
  invite(Kind::kRefresh, 2, {{1, 1}, {2, 2}, {3, 3}});
  run(8);
  EXPECT_EQ(failure(2).code, Errc::kCrypto);
  EXPECT_NE(failure(2).detail.find("the share member 2 sent"), std::string::npos) << failure(2).detail;
  EXPECT_NE(failure(0).detail.find("participant 3 gave up: the share member 2"), std::string::npos);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(check_share(*people[i].share, dealt.group)) << "old share kept";
}

TEST_F(RenewalSessionTest, a_dealer_that_deals_differently_to_two_is_convicted) {
  // Party 2 runs twice, with another seed towards the third.
  invite(Kind::kRefresh, 2, {{1, 1}, {2, 2}, {3, 3}});
  auto twin = must(RenewalSession::create(invitation, people[1].key.clone(), people[1].share->clone(),
                                          {rng.secret<32>(), {}}, now, rng, {}));
  const auto twin_mail = twin.tick(now + base::seconds{1});
  tamper = [&](Mail& one) {
    if (one.from != 1 || one.to != people[2].key.public_key() ||
        one.text.find("\"dealing\"") == std::string::npos)
      return true;
    for (const CeremonyMail& other : twin_mail)
      if (other.to == one.to && other.text.find("\"dealing\"") != std::string::npos) one.text = other.text;
    return true;
  };
  run(8);
  for (const std::size_t i : {0U, 2U})
    EXPECT_NE(failure(i).detail.find("participant 2"), std::string::npos) << failure(i).detail;
  EXPECT_NE((failure(0).detail + failure(2).detail).find("participant 2 dealt differently"), std::string::npos)
      << failure(0).detail << " / " << failure(2).detail;
}

TEST_F(RenewalSessionTest, who_deals_another_share_than_its_own_is_named) {
  people[1].share = SecretShare{{2}, SecretScalar::generate(rng)};
  Invitation made{Kind::kReshare, rng.hex(32), {"ws://127.0.0.1:7777"}, 2, {}, dealt.group};
  made.parties = {{people[0].key.public_key(), ShareIndex{1}, ShareIndex{1}},
                  {people[1].key.public_key(), ShareIndex{2}, ShareIndex{2}}};
  // Our own program refuses to; another one would be caught by the commitment's constant term.
  EXPECT_EQ(RenewalSession::create(made, people[1].key.clone(), people[1].share->clone(),
                                   {rng.secret<32>(), {}}, now, rng, {}).error().code,
            Errc::kCrypto);
  const auto rules = must(RenewalRules::create(made));
  const auto plan = must(RenewalPlan::reshare(dealt.group, {{1}, {2}}, 2, {{1}, {2}}));
  const auto right = must(deal_renewal(plan, dealt.shares[0], rng));
  const auto other = must(deal_renewal(plan, dealt.shares[1], rng)).commitment;
  auto terms = other.terms();
  terms[0] = terms[0] + terms[1];
  const std::vector<base::Bytes> commitments{right.commitment.bytes(), VssCommitment(terms).bytes()};
  EXPECT_NE(rules.group(commitments).error().detail.find("member 2 does not deal its own share"), std::string::npos);
}

TEST_F(RenewalSessionTest, a_wrong_part_and_a_wrong_sum_of_a_repair_are_named) {
  people[2].share.reset();
  for (const auto& [spoilt, words] : {std::pair{Type::kDealing, "the part member 2 sent"},
                                      std::pair{Type::kSum, "the sum member 2 sent"}}) {
    const Type type = spoilt;
    tamper = change(1, type, [this, type](Mail& one, CeremonyMessage& message) {
      if (type == Type::kSum || one.to == people[0].key.public_key()) message.data.back() ^= 1;
    });
    invite(Kind::kRepair, 2, {{1, 0}, {2, 0}, {0, 3}});
    run(8);
    const std::size_t wronged = type == Type::kSum ? 2 : 0;
    EXPECT_NE(failure(wronged).detail.find(words), std::string::npos) << failure(wronged).detail;
    EXPECT_FALSE(people[2].share);
  }
}

TEST_F(RenewalSessionTest, silence_is_named_and_nothing_changed) {
  invite(Kind::kRefresh, 2, {{1, 1}, {2, 2}, {3, 3}});
  people[2].session.reset();
  run(601);
  EXPECT_EQ(failure(0).code, Errc::kTimeout);
  EXPECT_EQ(failure(0).detail, "no answer from participant 3");
  EXPECT_TRUE(check_share(*people[0].share, dealt.group));
}

TEST_F(RenewalSessionTest, strangers_noise_and_forged_confirmations_change_nothing) {
  invite(Kind::kRefresh, 2, {{1, 1}, {2, 2}, {3, 3}});
  const auto stranger = nostr::SecretKey::generate(rng).public_key();
  const std::string stop = to_text(invitation.id(), {Type::kAbort, {}, "stop"});
  EXPECT_TRUE(people[0].session->receive(stranger, stop).empty());
  for (const char* noise : {"", "{", R"({"ceremony":"00","type":"confirm","data":""})"})
    EXPECT_TRUE(people[0].session->receive(people[1].key.public_key(), noise).empty());
  base::Bytes forged(1 + 96 * 3 + 96, 7);
  forged[0] = 2;
  EXPECT_TRUE(people[0].session->receive(people[1].key.public_key(),
                                         to_text(invitation.id(), {Type::kConfirm, forged, {}})).empty());
  run(5);
  expect_confirmed(3);
}

TEST(InvitationTest, means_the_same_to_all_or_nothing) {
  base::SeededRng rng(82);
  std::vector<nostr::PublicKey> hosts;
  for (int i = 0; i < 3; ++i) hosts.push_back(nostr::SecretKey::generate(rng).public_key());
  const auto made = must(invite_to_dkg(hosts, 2, {"ws://127.0.0.1:7777"}, rng));
  const std::string text = to_text(made);
  EXPECT_EQ(must(parse_invitation(text)), made);
  EXPECT_EQ(must(parse_invitation(text)).id(), made.id());
  EXPECT_EQ(made.code().size(), 14);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"v\":1", "\"v\":2"},
           {"\"dkg\"", "\"dinner\""},
           {"\"threshold\":2", "\"threshold\":4"},
           {"\"threshold\":2", "\"threshold\":1"},
           {"\"threshold\":2", "\"threshold\":2,\"more\":1"},
           {"ws://127", "http://127"},
           {hosts[1].hex(), hosts[0].hex()},
           {"\"receives\":2", "\"receives\":5"},
           {"\"receives\":2", "\"holds\":2"}}) {
    std::string changed = text;
    ASSERT_NE(changed.find(from), std::string::npos) << from;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_FALSE(parse_invitation(changed)) << changed;
  }
  EXPECT_FALSE(invite_to_dkg(hosts, 2, {}, rng));
  EXPECT_FALSE(invite_to_dkg({hosts[0]}, 2, {"ws://127.0.0.1:7777"}, rng));
}

}  // namespace
}  // namespace frostr
