// 39260: who may act for an agent, how long, how far down, and for how much.
#include "nipsa/delegation.h"

#include "nostr/nips/nip09.h"
#include "tests/nipsa/skill_fixture.h"

namespace {

using namespace nipsa_test;
using std::chrono::seconds;

constexpr seconds kHour{3'600};

nipsa::Delegation errand() {
  nipsa::Delegation out;
  out.d = "del-1";
  out.delegate = publisher().public_key();
  out.relay = "wss://r.example";
  out.scope = {.type = nipsa::ScopeType::kSkill, .id = echo().scope(), .constraints = {}};
  out.credit = "env-77";
  out.max_amount = nipsa::Sat{300};
  out.capabilities = {"http:outbound"};
  out.parent_session = id('a');
  out.guardian_approval = id('b');
  out.expires = kNow + kHour;
  out.task = "Collect five sources on X";
  return out;
}

nipsa::GivenDelegation given(const nipsa::Delegation& d, const nostr::SecretKey& by = agent()) {
  auto event = sign(nipsa::build_delegation(d, kNow).value(), by);
  return {event, nipsa::parse_delegation(event).value()};
}

/// Given on by the delegate of `parent` to `to`.
nipsa::Delegation below(const nipsa::GivenDelegation& parent, char to) {
  auto out = errand();
  out.delegate = pub(to);
  out.parent = parent.event.id;
  return out;
}

TEST(Delegation, ComesBackAsItWasWritten) {
  EXPECT_EQ(given(errand()).delegation, errand());
  auto bound = errand();
  bound.scope.constraints = hash('1');
  bound.parent = id('c');
  EXPECT_EQ(given(bound).delegation, bound) << "five parts of a scope are read too";
}

TEST(Delegation, EveryBrokenFieldHasItsError) {
  const auto at = [](base::UnixTime t) { return std::to_string(base::to_unix(t)); };
  const struct {
    const char* why;
    const char* name;
    nostr::Tags tags;
    const char* want;
  } cases[] = {
      {"as written", "x", {}, "ok"},
      {"to nobody", "p", {}, "E_TAG_MISSING"},
      {"for ever", "exp", {}, "E_TAG_MISSING"},
      {"over already", "exp", {{"exp", at(kNow)}}, "E_NUM"},
      {"for a month", "exp", {{"exp", at(kNow + seconds(30 * 86'400))}}, "ok"},
      {"for longer", "exp", {{"exp", at(kNow + seconds(30 * 86'400 + 1))}}, "E_NUM"},
      {"no scope", "scope", {}, "E_TAG_MISSING"},
      {"another skill's address", "a", {{"a", "33400:" + pub('8').hex() + ":echo"}}, "E_CONFLICT"},
      {"credit without a sum", "max_amount", {}, "E_TAG_MISSING"},
      {"a sum of nothing", "max_amount", {{"max_amount", "0"}}, "E_NUM"},
      {"two sums", "max_amount", {{"max_amount", "1"}, {"max_amount", "2"}}, "E_TAG_DUP"},
      {"a capability that is none", "capability", {{"capability", "a b"}}, "E_TAG_BAD"},
      {"a session that is no id", "parent_session", {{"parent_session", "x"}}, "E_HEX"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(outcome(nipsa::parse_delegation(with(given(errand()).event, c.name, c.tags, agent()))), c.want)
        << c.why;
  auto wordy = errand();
  wordy.task = std::string(16'385, 'x');
  EXPECT_EQ(outcome(nipsa::build_delegation(wordy, kNow)), "E_SIZE");
}

TEST(Delegation, EndsByDateOrByItsAuthorAlone) {
  const auto one = given(errand());
  const auto judged = [&](const nostr::PublicKey& me, const std::vector<nostr::Event>& deletions,
                          base::UnixTime now) {
    return outcome(nipsa::check_delegation(one, me, deletions, now));
  };
  const auto me = errand().delegate;
  EXPECT_EQ(judged(me, {}, kNow + kHour - seconds(1)), "ok");
  EXPECT_EQ(judged(me, {}, kNow + kHour), "E_EXPIRED");
  EXPECT_EQ(judged(pub('8'), {}, kNow), "E_AUTHZ");
  const auto taken = nostr::build_deletion({one.event}, "changed my mind", kNow + seconds(1));
  EXPECT_EQ(judged(me, {sign(taken, agent())}, kNow), "E_REVOKED");
  EXPECT_EQ(judged(me, {sign(taken, stranger())}, kNow), "ok");
}

TEST(Delegation, IsForTheDelegatesOwnSkill) {
  const auto manifest = nipsa::parse_manifest(echo_event()).value();
  const auto judged = [&](const nipsa::Delegation& d, bool proved = false) {
    return outcome(nipsa::check_delegated_skill(d, manifest, proved, kNow));
  };
  EXPECT_EQ(judged(errand()), "ok");
  auto other = errand();
  other.delegate = pub('8');
  EXPECT_EQ(judged(other), "E_SIGNER");
  EXPECT_EQ(judged(other, true), "ok") << "it proved that it holds the key";
  other = errand();
  other.scope.id = echo().address().str() + ":1.0.1";
  EXPECT_EQ(judged(other), "E_REF");
  other = errand();
  other.capabilities = {"fs:write", "http:outbound"};
  EXPECT_EQ(judged(other), "E_AUTHZ");
  EXPECT_EQ(outcome(nipsa::check_delegated_skill(errand(), manifest, false, manifest.expires)), "E_EXPIRED");
}

TEST(Delegation, SpendsNoMoreThanTheCreditHasAndTheGuardianAllows) {
  auto free = errand();
  free.guardian_approval.reset();
  EXPECT_EQ(outcome(nipsa::check_delegated_money(free, {300}, {})), "ok");
  EXPECT_EQ(outcome(nipsa::check_delegated_money(free, {299}, {})), "E_BUDGET");
  EXPECT_EQ(outcome(nipsa::check_delegated_money(free, {300}, nipsa::Sat{301})), "ok");
  EXPECT_EQ(outcome(nipsa::check_delegated_money(free, {300}, nipsa::Sat{300})), "E_AUTHZ");
  EXPECT_EQ(outcome(nipsa::check_delegated_money(errand(), {300}, nipsa::Sat{300})), "ok");
}

TEST(Delegation, IsGivenOnThreeTimesAndNeverGrows) {
  const auto root = given(errand());
  const auto second = given(below(root, '5'), publisher());
  const auto third = given(below(second, '6'), key('5'));
  const auto fourth = given(below(third, '7'), key('6'));
  const auto chain = [](std::vector<nipsa::GivenDelegation> links) {
    return outcome(nipsa::check_delegation_chain(links));
  };
  EXPECT_EQ(chain({root}), "ok");
  EXPECT_EQ(chain({root, second, third}), "ok");
  EXPECT_EQ(chain({root, second, third, fourth}), "E_AUTHZ");
  EXPECT_EQ(chain({second}), "E_REF") << "what stands above it is left out";
  EXPECT_EQ(chain({root, third}), "E_SIGNER");
  EXPECT_EQ(chain({root, given(below(root, '5'), stranger())}), "E_SIGNER");
  auto grown = below(root, '5');
  grown.expires += seconds(1);
  EXPECT_EQ(chain({root, given(grown, publisher())}), "E_AUTHZ");
  grown = below(root, '5');
  grown.capabilities = {"fs:write"};
  EXPECT_EQ(chain({root, given(grown, publisher())}), "E_AUTHZ");
  grown = below(root, '5');
  grown.max_amount = nipsa::Sat{301};
  EXPECT_EQ(chain({root, given(grown, publisher())}), "E_AUTHZ");
  grown = below(root, '5');
  grown.parent = id('e');
  EXPECT_EQ(chain({root, given(grown, publisher())}), "E_REF");
}

TEST(Delegation, WhatIsGivenOnStaysTogetherWithinTheSum) {
  const auto root = given(errand());
  auto half = below(root, '5');
  half.max_amount = nipsa::Sat{150};
  const auto first = given(half, publisher());
  half.d = "del-2";
  const auto second = given(half, publisher());
  half.d = "del-3";
  half.max_amount = nipsa::Sat{1};
  const auto drop = given(half, publisher());
  const auto judged = [&](std::vector<nipsa::GivenDelegation> children) {
    return outcome(nipsa::check_children(root, children));
  };
  EXPECT_EQ(judged({first, second}), "ok");
  EXPECT_EQ(judged({first, second, first}), "ok") << "one that arrives twice counts once";
  EXPECT_EQ(judged({first, second, drop}), "E_BUDGET");
}

}  // namespace
