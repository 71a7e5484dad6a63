// ChillDKG against the draft's 249 vectors, and a session from end to end.
#include "frostr/frost/chilldkg.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "frostr/frost/sign.h"
#include "tests/frostr/frost/vectors.h"

namespace frostr::chilldkg {
namespace {

using vectors::must;
using vectors::Value;
using Kind = DkgFault::Kind;

// The vectors write capital hex, which is not our spelling.
std::string hex(const Value& value) {
  auto out = value.get<std::string>();
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

base::Bytes bytes(const Value& value) { return *base::hex_decode(hex(value)); }

std::vector<base::Bytes> all_bytes(const Value& list) {
  std::vector<base::Bytes> out;
  for (const Value& value : list) out.push_back(bytes(value));
  return out;
}

std::vector<base::Bytes> pick(const Value& pool, const Value& indices) {
  std::vector<base::Bytes> out;
  for (const Value& i : indices) out.push_back(bytes(pool.at(i.get<std::size_t>())));
  return out;
}

// Randomness of a wrong length has no place in a Secret<32>: an input error.
DkgResult<base::Secret<32>> random_of(const Value& value) {
  const base::Bytes given = bytes(value);
  if (given.size() != 32) return std::unexpected(DkgFault(Kind::kInput, "not 32 bytes"));
  return base::Secret<32>(std::span<const std::uint8_t, 32>(given));
}

DkgResult<SessionParams> params_of(const Value& value) {
  return SessionParams::create(all_bytes(value.at("hostpubkeys")),
                               value.at("t").get<std::uint32_t>());
}

// The reference's exception classes, as our kinds.
Kind expected_kind(const std::string& type) {
  static const std::vector<std::pair<std::string, Kind>> kinds{
      {"ValueError", Kind::kInput},
      {"HostSeckeyError", Kind::kHostKey},
      {"ThresholdOrCountError", Kind::kThreshold},
      {"InvalidHostPubkeyError", Kind::kHostPublicKey},
      {"DuplicateHostPubkeyError", Kind::kDuplicateKey},
      {"RandomnessError", Kind::kRandomness},
      {"FaultyParticipantError", Kind::kParticipant},
      {"FaultyParticipantOrCoordinatorError", Kind::kParticipantOrCoordinator},
      {"FaultyCoordinatorError", Kind::kCoordinator},
      {"UnknownFaultyParticipantOrCoordinatorError", Kind::kUnknown},
      {"RecoveryDataError", Kind::kRecoveryData}};
  const auto it = std::ranges::find(kinds, type, &std::pair<std::string, Kind>::first);
  EXPECT_NE(it, kinds.end()) << type;
  return it != kinds.end() ? it->second : Kind::kInput;
}

void check_fault(const DkgFault& fault, const Value& expected) {
  EXPECT_EQ(fault.kind, expected_kind(expected.at("type").get<std::string>())) << fault.detail;
  const auto number = [&](const char* key) -> std::optional<std::size_t> {
    if (!expected.contains(key)) return std::nullopt;
    return expected.at(key).get<std::size_t>();
  };
  const auto first = number("participantId");
  EXPECT_EQ(fault.participant, first ? first : number("participantId1"));
  EXPECT_EQ(fault.other, number("participantId2"));
}

void check_output(const Output& output, const Value& expected) {
  const Value& share = expected.at("secshare");
  ASSERT_EQ(output.share.has_value(), !share.is_null());
  if (output.share) EXPECT_EQ(base::hex_encode(output.share->expose()), hex(share));
  EXPECT_EQ(output.threshold_key.hex(), hex(expected.at("threshPk")));
  ASSERT_EQ(output.public_shares.size(), expected.at("pubshares").size());
  for (std::size_t i = 0; i < output.public_shares.size(); ++i)
    EXPECT_EQ(output.public_shares[i].hex(), hex(expected.at("pubshares").at(i)));
}

template <class T>
T good(DkgResult<T> value) {
  EXPECT_TRUE(value.has_value()) << (value ? "" : value.error().detail);
  if (!value) std::abort();
  return *std::move(value);
}

// Runs every case of chilldkg-`name`.json: valid(group, test) and error(group, test), which gives the
// fault or nothing.
template <class Valid, class Failing>
void each(const std::string& name, Valid valid, Failing failing) {
  const Value file = vectors::published("chilldkg", "chilldkg-" + name + ".json");
  std::vector<Value> groups{file};
  if (file.contains("testGroups"))
    groups.assign(file.at("testGroups").begin(), file.at("testGroups").end());
  std::size_t seen = 0;
  for (const Value& group : groups) {
    if (group.contains("validTestCases"))
      for (const Value& test : group.at("validTestCases")) {
        SCOPED_TRACE(name + " " + std::to_string(test.at("tcId").get<int>()));
        valid(group, test);
        ++seen;
      }
    if (group.contains("errorTestCases"))
      for (const Value& test : group.at("errorTestCases")) {
        SCOPED_TRACE(name + " " + std::to_string(test.at("tcId").get<int>()) + " " +
                     test.at("comment").get<std::string>());
        const std::optional<DkgFault> fault = failing(group, test);
        EXPECT_TRUE(fault.has_value());
        if (fault) check_fault(*fault, test.at("expectedError"));
        ++seen;
      }
  }
  EXPECT_EQ(seen, file.at("totalTests").get<std::size_t>());
  EXPECT_GT(seen, 0U);
}

template <class T>
std::optional<DkgFault> fault_of(const DkgResult<T>& result) {
  return result ? std::nullopt : std::optional(result.error());
}

const auto kNoErrors = [](const Value&, const Value&) { return std::optional<DkgFault>{}; };
const auto kNoneValid = [](const Value&, const Value&) { ADD_FAILURE() << "unexpected case"; };

TEST(ChillDkgVectors, hostpubkey_gen) {
  each(
      "hostpubkey_gen",
      [](const Value&, const Value& test) {
        EXPECT_EQ(good(HostKey::from_bytes(bytes(test.at("hostseckey")))).public_key().hex(),
                  hex(test.at("expectedHostpubkey")));
      },
      [](const Value&, const Value& test) {
        return fault_of(HostKey::from_bytes(bytes(test.at("hostseckey"))));
      });
}

TEST(ChillDkgVectors, params_hash) {
  each(
      "params_hash",
      [](const Value&, const Value& test) {
        EXPECT_EQ(good(params_of(test.at("params"))).hash().hex(),
                  hex(test.at("expectedParamsHash")));
      },
      [](const Value&, const Value& test) { return fault_of(params_of(test.at("params"))); });
}

DkgResult<Participant1> step1(const Value& object) {
  TRY(const HostKey host, HostKey::from_bytes(bytes(object.at("hostseckey"))));
  TRY(SessionParams params, params_of(object.at("params")));
  TRY(const auto random, random_of(object.at("random")));
  return Participant1::start(host, std::move(params), random);
}

TEST(ChillDkgVectors, participant_step1) {
  each(
      "participant_step1",
      [](const Value&, const Value& test) {
        EXPECT_EQ(base::hex_encode(good(step1(test)).message()), hex(test.at("expectedPmsg1")));
      },
      [](const Value&, const Value& test) { return fault_of(step1(test)); });
}

// A case may bring its own host key or auxiliary randomness instead of its group's.
const Value& own_or(const Value& group, const Value& test, const char* key) {
  return test.contains(key) ? test.at(key) : group.at(key);
}

DkgResult<Participant2> step2(const Value& group, const Value& test, const Value& cmsg1) {
  const Participant1 state = good(step1(group));
  EXPECT_EQ(base::hex_encode(state.message()), hex(group.at("pmsg1")));
  TRY(const auto aux, random_of(own_or(group, test, "auxRand")));
  TRY(const HostKey host, HostKey::from_bytes(bytes(own_or(group, test, "hostseckey"))));
  return state.step2(host, bytes(cmsg1), aux);
}

TEST(ChillDkgVectors, participant_step2) {
  each(
      "participant_step2",
      [](const Value& group, const Value& test) {
        EXPECT_EQ(base::hex_encode(good(step2(group, test, test.at("cmsg1"))).message()),
                  hex(test.at("expectedPmsg2")));
      },
      [](const Value& group, const Value& test) {
        return fault_of(step2(group, test, test.at("cmsg1")));
      });
}

TEST(ChillDkgVectors, participant_finalize) {
  const auto finalize = [](const Value& group, const Value& test) {
    const Participant2 state = good(step2(group, test, group.at("cmsg1")));
    EXPECT_EQ(base::hex_encode(state.message()), hex(group.at("pmsg2")));
    return state.finish(bytes(test.at("cmsg2")));
  };
  each(
      "participant_finalize",
      [&](const Value& group, const Value& test) {
        const Finished finished = good(finalize(group, test));
        check_output(finished.output, test.at("expectedOutput").at("dkgOutput"));
        EXPECT_EQ(base::hex_encode(finished.recovery_data),
                  hex(test.at("expectedOutput").at("recoveryData")));
      },
      [&](const Value& group, const Value& test) { return fault_of(finalize(group, test)); });
}

TEST(ChillDkgVectors, participant_investigate) {
  each(
      "participant_investigate", kNoneValid,
      [](const Value& group, const Value& test) -> std::optional<DkgFault> {
        const Value& cmsg1 = group.at("cmsg1Pool").at(test.at("cmsg1Index").get<std::size_t>());
        EXPECT_EQ(step2(group, test, cmsg1).error().kind, Kind::kUnknown);
        const HostKey host = good(HostKey::from_bytes(bytes(group.at("hostseckey"))));
        return good(step1(group)).investigate(host, bytes(cmsg1), bytes(test.at("cinvMsg")));
      });
}

TEST(ChillDkgVectors, coordinator_step1) {
  const auto start = [](const Value& group, const Value& test) -> DkgResult<Coordinator> {
    TRY(SessionParams params, params_of(test.at("params")));
    return Coordinator::start(std::move(params),
                              pick(group.at("pmsg1Pool"), test.at("pmsg1Indices")));
  };
  each(
      "coordinator_step1",
      [&](const Value& group, const Value& test) {
        EXPECT_EQ(base::hex_encode(good(start(group, test)).message()),
                  hex(test.at("expectedCmsg1")));
      },
      [&](const Value& group, const Value& test) { return fault_of(start(group, test)); });
}

TEST(ChillDkgVectors, coordinator_finalize) {
  const auto finish = [](const Value& group, const Value& test) {
    const Coordinator state =
        good(Coordinator::start(good(params_of(group.at("params"))), all_bytes(group.at("pmsgs1"))));
    EXPECT_EQ(base::hex_encode(state.message()), hex(group.at("cmsg1")));
    return state.finish(pick(group.at("pmsg2Pool"), test.at("pmsg2Indices")));
  };
  each(
      "coordinator_finalize",
      [&](const Value& group, const Value& test) {
        const auto done = good(finish(group, test));
        const Value& expected = test.at("expectedOutput");
        EXPECT_EQ(base::hex_encode(done.certificate), hex(expected.at("cmsg2")));
        check_output(done.finished.output, expected.at("dkgOutput"));
        EXPECT_EQ(base::hex_encode(done.finished.recovery_data), hex(expected.at("recoveryData")));
      },
      [&](const Value& group, const Value& test) { return fault_of(finish(group, test)); });
}

TEST(ChillDkgVectors, coordinator_investigate) {
  each(
      "coordinator_investigate",
      [](const Value& group, const Value& test) {
        const auto messages = good(Coordinator::investigate(good(params_of(group.at("params"))),
                                                            all_bytes(group.at("pmsgs1"))));
        const auto expected = all_bytes(test.at("expectedCinvMsgs"));
        EXPECT_EQ(messages, expected);
      },
      kNoErrors);
}

TEST(ChillDkgVectors, recover) {
  const auto run = [](const Value& test) -> DkgResult<Recovered> {
    if (test.at("hostseckey").is_null())
      return recover(nullptr, bytes(test.at("recoveryData")));
    TRY(const HostKey host, HostKey::from_bytes(bytes(test.at("hostseckey"))));
    return recover(&host, bytes(test.at("recoveryData")));
  };
  each(
      "recover",
      [&](const Value&, const Value& test) {
        const Recovered recovered = good(run(test));
        const Value& expected = test.at("expectedOutput");
        check_output(recovered.output, expected.at("dkgOutput"));
        EXPECT_EQ(recovered.params, good(params_of(expected.at("params"))));
      },
      [&](const Value&, const Value& test) { return fault_of(run(test)); });
}

// The first case of step 1 as facts, for a checkout without the files; it depends on every derivation:
// coefficients, proof of possession, pads, encryption.
TEST(ChillDkgTest, first_vector_of_step_1) {
  std::vector<base::Bytes> keys;
  for (const char* key : {"03aed316469060698d774150efd7f8f406a2bab516dd7d22cb258323c59c6417f3",
                          "03aeb5ae20783d4858f6767747963f144c7db8aba328625cc8a87f7676d8cdeee7",
                          "021a48bbccac751ae9ec1ea7a7f8d421d5fd60aab44e6d2f37b31873098a77b7a3"})
    keys.push_back(*base::hex_decode(key));
  const auto params = good(SessionParams::create(keys, 2));
  EXPECT_EQ(params.hash().hex(),
            "6a03d4e831dbf10f71c2c47f8f31fa5bcedbc266b336deba7e11607697ceeb7c");
  const auto host = good(HostKey::from_bytes(*base::hex_decode(
      "ade179b2c56cb75868d44b333c16c89cb00dfde378ad79c84d0cce856e4f9207")));
  const auto random = *base::hex_decode(
      "42b53d62e27380d6f7096eda1c28c57ddb89fcd4ce5b843edac220e165b5a7ec");
  const auto state = good(Participant1::start(
      host, params, base::Secret<32>(std::span<const std::uint8_t, 32>(random))));
  EXPECT_EQ(state.message().size(), 259U);
  EXPECT_EQ(nostr::sha256(ByteView(state.message())).hex(),
            "f00745478fb83323ba36a00a51419ddae0998ce7c57c120a1f69ea948b1bad4c");
}

// --- a whole session, without the files --------------------------------------------------------

struct Session {
  std::vector<HostKey> hosts;
  std::optional<SessionParams> params;
  std::vector<Participant1> round1;
  std::vector<base::Bytes> messages1;

  Session(base::Rng& rng, std::uint32_t t, std::size_t n) {
    std::vector<base::Bytes> keys;
    for (std::size_t i = 0; i < n; ++i) {
      hosts.push_back(good(HostKey::from_bytes(SecretScalar::generate(rng).expose())));
      const ByteView key = hosts.back().public_key().view();
      keys.emplace_back(key.begin(), key.end());
    }
    params = good(SessionParams::create(keys, t));
    for (const HostKey& host : hosts) {
      round1.push_back(good(Participant1::start(host, *params, rng.secret<32>())));
      messages1.push_back(round1.back().message());
    }
  }

  Coordinator coordinator() const { return good(Coordinator::start(*params, messages1)); }
};

TEST(ChillDkgTest, a_generated_group_signs_as_bifrost_and_every_backup_restores_a_share) {
  base::SeededRng rng(60);
  const Session session(rng, 2, 3);
  const Coordinator coordinator = session.coordinator();
  std::vector<Participant2> round2;
  std::vector<base::Bytes> messages2;
  for (std::size_t i = 0; i < 3; ++i) {
    round2.push_back(
        good(session.round1[i].step2(session.hosts[i], coordinator.message(), rng.secret<32>())));
    messages2.push_back(round2.back().message());
  }
  const auto certified = good(coordinator.finish(messages2));

  std::vector<SecretShare> shares;
  for (std::size_t i = 0; i < 3; ++i) {
    const Finished finished = good(round2[i].finish(certified.certificate));
    EXPECT_EQ(finished.recovery_data, certified.finished.recovery_data);
    const GroupPackage group = must(to_group(finished.output, 2));
    EXPECT_TRUE(group.check_consistency());
    shares.push_back({{static_cast<std::uint32_t>(i + 1)}, finished.output.share->clone()});
    EXPECT_TRUE(check_share(shares.back(), group));

    const Recovered back = good(recover(&session.hosts[i], finished.recovery_data));
    EXPECT_TRUE(std::ranges::equal(back.output.share->expose(), shares.back().secret.expose()));
    const auto ack = must(acknowledge(session.hosts[i], *session.params, finished.recovery_data,
                                      rng.secret<32>()));
    EXPECT_TRUE(check_acknowledgement(*session.params, i, finished.recovery_data, ack));
    EXPECT_FALSE(check_acknowledgement(*session.params, (i + 1) % 3, finished.recovery_data, ack));
  }

  const GroupPackage group = must(to_group(certified.finished.output, 2));
  const auto message = rng.bytes<32>();
  NoncePair a = NoncePair::generate(shares[0], rng);
  NoncePair b = NoncePair::generate(shares[2], rng);
  const auto context = must(SigningContext::create(
      KeyContext(group.group_pk()), message, {{{1}, a.commitment()}, {{3}, b.commitment()}}));
  const std::array partials{
      SigningContext::Partial{{1}, must(context.sign_partial(std::move(a), shares[0]))},
      SigningContext::Partial{{3}, must(context.sign_partial(std::move(b), shares[2]))}};
  EXPECT_TRUE(nostr::verify_message(group.identity(), message,
                                    must(aggregate(context, group, partials))));
}

TEST(ChillDkgTest, a_wrong_share_is_traced_to_its_sender) {
  base::SeededRng rng(61);
  Session session(rng, 2, 3);
  // Participant 2 gives participant 3 something that is not on its polynomial.
  auto bad = good(ParticipantMsg1::parse(session.messages1[1], 2, 3));
  bad.enc_shares[2] = bad.enc_shares[2] + Scalar::from_u32(1);
  session.messages1[1] = bad.bytes();
  const Coordinator coordinator = session.coordinator();
  EXPECT_TRUE(session.round1[0].step2(session.hosts[0], coordinator.message(), rng.secret<32>()));
  const auto failed =
      session.round1[2].step2(session.hosts[2], coordinator.message(), rng.secret<32>());
  ASSERT_EQ(failed.error().kind, Kind::kUnknown);
  const auto told = good(Coordinator::investigate(*session.params, session.messages1));
  const DkgFault fault =
      session.round1[2].investigate(session.hosts[2], coordinator.message(), told[2]);
  EXPECT_EQ(fault.kind, Kind::kParticipantOrCoordinator);
  EXPECT_EQ(fault.participant, 1U);
  EXPECT_NE(to_error(fault).detail.find("participant 2"), std::string::npos);
  // Who is not wronged finds nothing.
  EXPECT_EQ(session.round1[0]
                .investigate(session.hosts[0], coordinator.message(), told[0])
                .kind,
            Kind::kInput);
}

TEST(ChillDkgTest, a_participant_cannot_take_over_the_commitment_of_another) {
  base::SeededRng rng(62);
  Session session(rng, 2, 3);
  session.messages1[2] = session.messages1[1];  // with its proof of possession
  const auto failed = session.round1[0].step2(session.hosts[0], session.coordinator().message(),
                                              rng.secret<32>());
  EXPECT_EQ(failed.error().kind, Kind::kParticipantOrCoordinator);
  EXPECT_EQ(failed.error().participant, 2U);
}

TEST(ChillDkgTest, the_same_inputs_give_the_same_first_message) {
  base::SeededRng rng(63);
  const Session session(rng, 2, 3);
  const auto random = rng.secret<32>();
  EXPECT_EQ(good(Participant1::start(session.hosts[0], *session.params, random)).message(),
            good(Participant1::start(session.hosts[0], *session.params, random)).message());
  EXPECT_NE(good(Participant1::start(session.hosts[0], *session.params, random)).message(),
            session.round1[0].message());
}

}  // namespace
}  // namespace frostr::chilldkg
