// Evidence of a decision: what a stranger can follow from signatures alone, and what is noticed when
// somebody changes it.
#include "orchestration/approvals/evidence.h"

#include <gtest/gtest.h>

#include "nostr/nips/nip44.h"
#include "nostr/nips/nip59.h"
#include "tests/orchestration/support/desk_world.h"

namespace orchestration {
namespace {

using base::json::Value;
using storage::QuestionState;
using testing::DeskWorld;
using testing::must;
using testing::Person;
using std::chrono::seconds;

class EvidenceTest : public ::testing::Test {
 protected:
  std::string open(DeskWorld::Wish wish = {}, std::uint32_t quorum = 1) {
    for (const auto& person : w.operators) person->open_inbox();
    w.start({.quorum = quorum, .hold = seconds(0)});
    return w.ask(w.wish(wish));
  }
  Value gather(const std::string& code) {
    auto approvals = w.approvals();
    return must(gather_evidence(approvals, w.question(code), w.asker.key()));
  }
  std::vector<nostr::PublicKey> roster() const {
    std::vector<nostr::PublicKey> out;
    for (const auto& person : w.operators) out.push_back(person->pubkey());
    return out;
  }
  EvidenceReport check(const Value& bundle) { return must(check_evidence(bundle, roster())); }
  /// A question that the operator allowed by a private message with its code.
  Value allowed() {
    const std::string code = open();
    w.oper().write(w.desk_key(), "yes " + code);
    w.until_state(code, QuestionState::kApproved);
    return gather(code);
  }
  static std::string broken_lines(const EvidenceReport& report) {
    std::string out;
    for (const EvidenceLine& line : report.lines)
      if (line.standing == Standing::kBroken) out += line.what + ": " + line.why + "\n";
    return out;
  }

  DeskWorld w;
};

TEST_F(EvidenceTest, PrivateYesIsProvenByItsSealAndItsOwnKeys) {
  const Value bundle = allowed();
  const EvidenceReport report = check(bundle);
  EXPECT_EQ(report.standing, Standing::kProven) << broken_lines(report);
  EXPECT_EQ(report.outcome, FoldOutcome::kApproved);
  EXPECT_NE(report.action.find("hello world"), std::string::npos);
  EXPECT_EQ(report.code, bundle["code"].get<std::string>());
}

TEST_F(EvidenceTest, WithoutARosterNobodyKnowsWhoseWordCounts) {
  EXPECT_EQ(must(check_evidence(allowed(), {})).standing, Standing::kClaimed);
}

TEST_F(EvidenceTest, WordOfSomebodyElseIsNoOperators) {
  const Value bundle = allowed();
  Person other(w.world);
  const EvidenceReport report = must(check_evidence(bundle, {other.pubkey()}));
  EXPECT_EQ(report.standing, Standing::kBroken);
  EXPECT_NE(broken_lines(report).find("no operator"), std::string::npos);
}

TEST_F(EvidenceTest, KeysOfOneMessageOpenNoOther) {
  const Value bundle = allowed();
  w.oper().write(w.desk_key(), "something private");
  const Value keys = bundle["signals"][0]["message_keys"];
  EXPECT_EQ(keys["chacha_key"].get<std::string>().size(), 64u);
  const auto conversation = must(nostr::nip44_conversation_key(w.oper().key(), w.desk_key()));
  EXPECT_EQ(base::json::dump(bundle).find(base::hex_encode(conversation.expose())),
            std::string::npos);
  const std::string other = must(nostr::nip44_encrypt(conversation, "another message", w.world.rng));
  const auto secret = [&](const char* name) {
    return must(base::hex_decode(keys[name].get<std::string>()));
  };
  const nostr::Nip44MessageKeys revealed{
      base::Secret<32>(std::span<const std::uint8_t, 32>(secret("chacha_key").data(), 32)),
      base::Secret<12>(std::span<const std::uint8_t, 12>(secret("chacha_nonce").data(), 12)),
      base::Secret<32>(std::span<const std::uint8_t, 32>(secret("hmac_key").data(), 32))};
  EXPECT_FALSE(nostr::nip44_open_with(revealed, other).has_value());
}

TEST_F(EvidenceTest, QuorumIsProvenOnlyByAllWhoWereNeeded) {
  w.operators.push_back(std::make_unique<Person>(w.world));
  const std::string code = open({}, 2);
  w.oper(0).write(w.desk_key(), "yes " + code);
  w.oper(1).write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  Value bundle = gather(code);
  EXPECT_EQ(check(bundle).standing, Standing::kProven);
  bundle["signals"].erase(0);
  EXPECT_EQ(check(bundle).standing, Standing::kBroken);
}

/// How an operator may answer, and how far the answer carries.
struct Spoken {
  const char* name;
  Standing standing;
  FoldOutcome outcome;
  std::function<void(DeskWorld&, const std::string& code)> say;
};
void PrintTo(const Spoken& spoken, std::ostream* out) {
  *out << spoken.name;
}

class EvidenceOf : public EvidenceTest, public ::testing::WithParamInterface<Spoken> {};

TEST_P(EvidenceOf, CarriesAsFarAsItIsSigned) {
  const std::string code = open();
  GetParam().say(w, code);
  w.until_state(code, GetParam().outcome == FoldOutcome::kApproved ? QuestionState::kApproved
                                                                   : QuestionState::kDenied);
  const EvidenceReport report = check(gather(code));
  EXPECT_EQ(report.standing, GetParam().standing) << broken_lines(report);
  EXPECT_EQ(report.outcome, GetParam().outcome);
}

INSTANTIATE_TEST_SUITE_P(
    Answers, EvidenceOf,
    ::testing::Values(
        Spoken{"Reply", Standing::kProven, FoldOutcome::kApproved,
               [](DeskWorld& w, const std::string& code) {
                 w.oper().write(w.desk_key(), "ok", {w.shown_id(code, w.oper())});
               }},
        Spoken{"PublicReaction", Standing::kProven, FoldOutcome::kApproved,
               [](DeskWorld& w, const std::string& code) {
                 w.oper().publish(7, {{"e", w.shown_id(code, w.oper()).hex()},
                                      {"p", w.desk_key().hex()}}, "+");
               }},
        Spoken{"Decision", Standing::kProven, FoldOutcome::kApproved,
               [](DeskWorld& w, const std::string& code) {
                 w.oper().publish(w.decision_by(w.oper(), code, true));
               }},
        Spoken{"Refusal", Standing::kProven, FoldOutcome::kDenied,
               [](DeskWorld& w, const std::string& code) {
                 w.oper().write(w.desk_key(), "no, too much " + code);
               }},
        Spoken{"RefusalOfEverything", Standing::kProven, FoldOutcome::kDenied,
               [](DeskWorld& w, const std::string&) { w.oper().write(w.desk_key(), "stop"); }},
        Spoken{"LegacyMessage", Standing::kClaimed, FoldOutcome::kApproved,
               [](DeskWorld& w, const std::string& code) {
                 w.oper().write_legacy(w.desk_key(), "yes " + code);
               }},
        Spoken{"WordAtTheMachine", Standing::kClaimed, FoldOutcome::kApproved,
               [](DeskWorld& w, const std::string& code) {
                 must(w.desk->answer_here(code, true));
               }}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(EvidenceTest, YesThatWasTakenBackApprovesNothing) {
  const std::string code = open();
  const nostr::EventId yes = w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  nostr::UnsignedEvent deletion = w.oper().compose(w.desk_key(), "");
  deletion.kind = 5;
  deletion.tags = {{"e", yes.hex()}};
  w.oper().send_wrapped(deletion, w.desk_key());
  w.until_state(code, QuestionState::kOpen);
  const EvidenceReport report = check(gather(code));
  EXPECT_EQ(report.outcome, FoldOutcome::kOpen);
  EXPECT_EQ(broken_lines(report), "");
  EXPECT_EQ(report.standing, Standing::kClaimed);
}

/// One change to good evidence.
struct Forgery {
  const char* name;
  std::function<void(Value&)> forge;
};
void PrintTo(const Forgery& forgery, std::ostream* out) {
  *out << forgery.name;
}

class ForgedEvidence : public EvidenceTest, public ::testing::WithParamInterface<Forgery> {};

TEST_P(ForgedEvidence, IsNoticed) {
  Value bundle = allowed();
  GetParam().forge(bundle);
  const EvidenceReport report = check(bundle);
  EXPECT_EQ(report.standing, Standing::kBroken);
  EXPECT_NE(broken_lines(report), "");
}

void flip_first(Value& text) {
  std::string changed = text.get<std::string>();
  changed[0] = changed[0] == '0' ? '1' : '0';
  text = changed;
}

INSTANTIATE_TEST_SUITE_P(
    Of, ForgedEvidence,
    ::testing::Values(
        Forgery{"TheAction", [](Value& b) { b["action"]["content"] = "hello worlds"; }},
        Forgery{"ActionAndDigest", [](Value& b) {
                  b["action"]["content"] = "another";
                  auto event = must(nostr::parse_unsigned_event(base::json::dump(b["action"])));
                  event.created_at = {};
                  b["digest"] = nostr::sha256(nostr::canonical_bytes(event)).hex();
                }},
        Forgery{"TheRequest", [](Value& b) { b["request"]["content"] = "changed"; }},
        Forgery{"TheCode", [](Value& b) { b["code"] = "AAAA-1111"; }},
        Forgery{"TheAnswer", [](Value& b) { b["signals"][0]["answer"] = "deny"; }},
        Forgery{"TheSeal", [](Value& b) { flip_first(b["signals"][0]["seal"]["sig"]); }},
        Forgery{"TheMacKey",
                [](Value& b) { flip_first(b["signals"][0]["message_keys"]["hmac_key"]); }},
        Forgery{"TheStreamKey",
                [](Value& b) { flip_first(b["signals"][0]["message_keys"]["chacha_key"]); }},
        Forgery{"TheAuthor", [](Value& b) { b["signals"][0]["author"] = b["asker"]; }},
        Forgery{"ItsName", [](Value& b) { flip_first(b["signals"][0]["id"]); }},
        Forgery{"TheState", [](Value& b) { b["state"] = "denied"; }},
        Forgery{"AllAnswers", [](Value& b) { b["signals"] = Value::array(); }},
        Forgery{"ThePresentation",
                [](Value& b) { b["presentations"][0]["message"]["content"] = "asks to smile"; }},
        Forgery{"TheTimes", [](Value& b) { b["expires_at"] = b["created_at"]; b["created_at"] = 0;
                                           b["expires_at"] = 1; }},
        Forgery{"TheDecision", [](Value& b) { b["decisions"][0]["kind"] = 1; }},
        Forgery{"ProofThatWasNeeded", [](Value& b) { b["needs_proof"] = true; }}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(EvidenceTest, SomethingElseIsNoEvidence) {
  EXPECT_EQ(testing::errc_of(check_evidence(Value::object(), {})), base::Errc::kInvalid);
  EXPECT_EQ(testing::errc_of(check_evidence(Value(7), {})), base::Errc::kInvalid);
  Value flood = allowed();
  for (int i = 0; i < 1'001; ++i) flood["signals"].push_back(7);
  EXPECT_EQ(testing::errc_of(check_evidence(flood, {})), base::Errc::kLimit);
}

}  // namespace
}  // namespace orchestration
