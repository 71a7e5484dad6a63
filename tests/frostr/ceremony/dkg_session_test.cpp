// Key generation among parties whose messages get lost, who are restarted, or who cheat.
#include "frostr/ceremony/dkg_session.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>

#include "nostr/base/result.h"

namespace frostr {
namespace {

using base::Errc;

template <class T>
T must(Result<T> value) {
  EXPECT_TRUE(value.has_value()) << (value ? "" : value.error().detail);
  if (!value) std::abort();
  return *std::move(value);
}

// Three parties and the queue between them. `tamper` may change or drop (false) what is sent.
class DkgSessionTest : public ::testing::Test {
 protected:
  struct Party {
    nostr::SecretKey key;
    base::Secret<32> random;
    std::optional<DkgSession> session;
  };
  struct Mail {
    std::size_t from;
    nostr::PublicKey to;
    std::string text;
  };

  DkgSessionTest() {
    for (int i = 0; i < 3; ++i) {
      parties.push_back({nostr::SecretKey::generate(rng), rng.secret<32>(), std::nullopt});
      hosts.push_back(parties.back().key.public_key());
    }
  }

  void start(std::size_t i, base::Bytes dealings = {}) {
    parties[i].session = must(DkgSession::create(
        must(host_key_of(parties[i].key)), must(dkg_params(hosts, 2)),
        {parties[i].random.clone(), std::move(dealings), {}}, now, rng, {}));
  }
  void start_all() {
    for (std::size_t i = 0; i < parties.size(); ++i) start(i);
  }

  void post(std::size_t from, std::vector<CeremonyMail> messages) {
    for (auto& message : messages) mail.push_back({from, message.to, std::move(message.text)});
  }

  // One second: everybody ticks, then all mail is delivered.
  void step() {
    now += base::seconds{1};
    for (std::size_t i = 0; i < parties.size(); ++i)
      if (parties[i].session) post(i, parties[i].session->tick(now));
    while (!mail.empty()) {
      Mail next = std::move(mail.front());
      mail.pop_front();
      if (tamper && !tamper(next)) continue;
      for (std::size_t i = 0; i < parties.size(); ++i)
        if (hosts[i] == next.to && parties[i].session)
          post(i, parties[i].session->receive(hosts[next.from], next.text));
    }
  }
  void run(int seconds) {
    for (int i = 0; i < seconds; ++i) step();
  }

  DkgSession::Outcome outcome(std::size_t i) {
    auto& set = parties[i].session->outcome();
    EXPECT_TRUE(set.has_value());
    if (!set) std::abort();
    return must(std::move(*set));
  }
  base::Error failure(std::size_t i) {
    auto& set = parties[i].session->outcome();
    EXPECT_TRUE(set.has_value() && !set->has_value()) << "party " << i + 1;
    return set && !*set ? set->error() : base::Error{};
  }

  // A message of `from`, taken apart and put together again after `change`.
  std::function<bool(Mail&)> change(std::size_t from, CeremonyMessage::Type type,
                                    std::function<void(CeremonyMessage&)> with) {
    return [=](Mail& mail) {
      auto parsed = must(parse_ceremony_message(mail.text));
      if (mail.from != from || parsed.message.type != type) return true;
      with(parsed.message);
      mail.text = to_text(parsed.session, parsed.message);
      return true;
    };
  }

  void expect_a_group(bool confirmed = true) {
    std::vector<GroupPackage> groups;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto done = outcome(i);
      if (confirmed) EXPECT_TRUE(done.confirmed);
      groups.push_back(must(to_group(done.finished.output, 2)));
      EXPECT_TRUE(check_share({{static_cast<std::uint32_t>(i + 1)},
                               done.finished.output.share->clone()},
                              groups.back()));
    }
    EXPECT_EQ(groups[0], groups[1]);
    EXPECT_EQ(groups[0], groups[2]);
    EXPECT_TRUE(groups[0].check_consistency());
  }

  base::SeededRng rng{80};
  base::UnixTime now = base::UnixTime{base::seconds{1'700'000'000}};
  std::vector<Party> parties;
  std::vector<nostr::PublicKey> hosts;
  std::deque<Mail> mail;
  std::function<bool(Mail&)> tamper;
};

TEST_F(DkgSessionTest, three_parties_get_one_group) {
  start_all();
  run(12);
  expect_a_group();
}

TEST_F(DkgSessionTest, lost_messages_are_repeated) {
  start_all();
  tamper = [this](Mail&) { return rng.below(3) == 0; };
  // The last word may be lost for good: then the deadline ends the wait, with the key in hand.
  run(601);
  expect_a_group(/*confirmed=*/false);
}

TEST_F(DkgSessionTest, a_party_that_comes_late_is_waited_for) {
  start(0);
  start(1);
  run(30);
  EXPECT_FALSE(parties[0].session->outcome());
  start(2);
  run(15);
  expect_a_group();
}

TEST_F(DkgSessionTest, a_participant_killed_after_signing_goes_on_with_its_memory) {
  start_all();
  tamper = [](Mail& next) { return next.text.find("\"certificate\"") == std::string::npos; };
  run(6);
  const base::Bytes dealings = parties[1].session->memory().dealings;
  ASSERT_FALSE(dealings.empty());
  start(1, dealings);
  tamper = nullptr;
  run(15);
  expect_a_group();
}

TEST_F(DkgSessionTest, a_coordinator_killed_in_the_middle_goes_on) {
  start_all();
  tamper = [](Mail& next) { return next.text.find("\"round2\"") == std::string::npos; };
  run(6);
  start(0, parties[0].session->memory().dealings);
  tamper = nullptr;
  run(15);
  expect_a_group();
}

TEST_F(DkgSessionTest, a_participant_that_lost_its_memory_is_named) {
  start_all();
  tamper = [](Mail& next) { return next.text.find("\"round2\"") == std::string::npos; };
  run(4);
  parties[2].random = rng.secret<32>();
  start(2);
  tamper = nullptr;
  run(10);
  EXPECT_TRUE(parties[2].session->outcome());  // it sees an answer to what it never sent
  for (const std::size_t i : {0U, 1U})
    EXPECT_NE(failure(i).detail.find("participant 3 sent two different first messages"),
              std::string::npos)
        << failure(i).detail;
}

TEST_F(DkgSessionTest, a_sender_of_a_wrong_share_is_named_by_the_one_it_wronged) {
  start_all();
  tamper = change(1, CeremonyMessage::Type::kRound1, [](CeremonyMessage& message) {
    auto first = *chilldkg::ParticipantMsg1::parse(message.data, 2, 3);
    first.enc_shares[2] = first.enc_shares[2] + Scalar::from_u32(1);
    message.data = first.bytes();
  });
  run(12);
  EXPECT_EQ(failure(2).code, Errc::kCrypto);
  EXPECT_NE(failure(2).detail.find("participant 2"), std::string::npos) << failure(2).detail;
  // The others learn who complained and of whom.
  EXPECT_NE(failure(0).detail.find("participant 3 gave up: participant 2"), std::string::npos)
      << failure(0).detail;
  EXPECT_NE(failure(1).detail.find("participant 2"), std::string::npos);
}

TEST_F(DkgSessionTest, a_stolen_proof_of_possession_is_named) {
  start_all();
  tamper = change(2, CeremonyMessage::Type::kRound1,
                  [](CeremonyMessage& message) { message.data[2 * 33] ^= 1; });
  run(12);
  EXPECT_NE(failure(0).detail.find("participant 3"), std::string::npos) << failure(0).detail;
  EXPECT_NE(failure(1).detail.find("participant 3"), std::string::npos) << failure(1).detail;
}

TEST_F(DkgSessionTest, a_forged_signature_of_the_transcript_is_named) {
  start_all();
  tamper = change(2, CeremonyMessage::Type::kRound2, [](CeremonyMessage& message) { message.data[9] ^= 1; });
  run(12);
  EXPECT_NE(failure(0).detail.find("participant 3"), std::string::npos) << failure(0).detail;
}

TEST_F(DkgSessionTest, a_coordinator_that_deals_twice_is_named) {
  start_all();
  run(2);
  const auto params = must(dkg_params(hosts, 2));
  ASSERT_FALSE(parties[1].session->memory().dealings.empty());
  base::Bytes other = parties[1].session->memory().dealings;
  other.back() ^= 1;
  // Only while no certificate is in hand; afterwards the key exists.
  start(1, parties[1].session->memory().dealings);
  post(1, parties[1].session->receive(
              hosts[0], to_text(params.hash(), {CeremonyMessage::Type::kDealings, other, {}})));
  tamper = [](Mail&) { return false; };
  run(8);  // it repeats the accusation, which nobody hears
  EXPECT_NE(failure(1).detail.find("the coordinator is faulty"), std::string::npos);
}

TEST_F(DkgSessionTest, silence_is_named_at_the_deadline) {
  start(0);
  start(1);
  run(601);
  EXPECT_EQ(failure(0).code, Errc::kTimeout);
  EXPECT_EQ(failure(0).detail, "no answer from participant 3");
  EXPECT_EQ(failure(1).detail, "no answer from the coordinator (participant 1)");
}

TEST_F(DkgSessionTest, other_parameters_are_named_at_the_deadline) {
  start(0);
  start(1);
  parties[2].session = must(DkgSession::create(must(host_key_of(parties[2].key)),
                                               must(dkg_params(hosts, 3)),
                                               {parties[2].random.clone(), {}, {}}, now, rng, {}));
  run(601);
  EXPECT_NE(failure(0).detail.find("participant 3 runs a session with other keys"),
            std::string::npos)
      << failure(0).detail;
}

TEST_F(DkgSessionTest, strangers_and_noise_change_nothing) {
  start_all();
  const auto params = must(dkg_params(hosts, 2));
  const auto stranger = nostr::SecretKey::generate(rng).public_key();
  const std::string abort = to_text(params.hash(), {CeremonyMessage::Type::kAbort, {}, "stop"});
  EXPECT_TRUE(parties[1].session->receive(stranger, abort).empty());
  EXPECT_TRUE(parties[1].session->receive(hosts[2], abort).empty());  // not the coordinator
  for (const char* noise : {"", "{", "[]", R"({"ceremony":"00","type":"round1","data":""})",
                            R"({"id":"x","method":"ping","params":[]})"})
    EXPECT_TRUE(parties[0].session->receive(hosts[1], noise).empty()) << noise;
  run(12);
  expect_a_group();
}

TEST_F(DkgSessionTest, more_parties_than_fit_an_event_are_refused) {
  std::vector<nostr::PublicKey> many;
  while (many.size() < 256) many.push_back(nostr::SecretKey::generate(rng).public_key());
  EXPECT_EQ(dkg_params(many, 256).error().code, Errc::kLimit);
  many.resize(100);
  EXPECT_TRUE(dkg_params(many, 60));
}

}  // namespace
}  // namespace frostr
