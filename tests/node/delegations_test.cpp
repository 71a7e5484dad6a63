// What a delegation is asked for by, and what a tick under one may use.
#include "node/delegations.h"

#include <gtest/gtest.h>

#include "node/delegated_work.h"

namespace node {
namespace {

using base::json::Value;

Value params() {
  return {{"to", std::string(64, 'a')},
          {"scope", "nip90:" + std::string(64, 'b')},
          {"task", "Collect"},
          {"max_sat", 300},
          {"credit", "env-77"},
          {"capabilities", {"Nostr:Read", "nostr:read"}},
          {"under", ""},
          {"expires_at", 1'760'003'600}};
}

TEST(Delegations, AreReadAsTheyAreAskedFor) {
  base::SeededRng rng(1);
  const auto one = delegation_from(params(), rng).value();
  EXPECT_TRUE(one.d.starts_with("del-"));
  EXPECT_EQ(one.delegate.hex(), std::string(64, 'a'));
  EXPECT_EQ(one.max_amount->value, 300);
  EXPECT_EQ(one.capabilities, nipsa::Capabilities{"nostr:read"});
  EXPECT_FALSE(one.parent);
  EXPECT_EQ(base::to_unix(one.expires), 1'760'003'600);
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, Value>>{{"to", "npub1x"},
                                                  {"scope", "everything"},
                                                  {"scope", "skill:33400:nobody"},
                                                  {"scope", "nip90:"},
                                                  {"under", "x"},
                                                  {"capabilities", {"no spaces here"}}}) {
    Value broken = params();
    broken[name] = value;
    EXPECT_FALSE(delegation_from(broken, rng).has_value()) << name;
  }
}

TEST(Delegations, ScopesAreNamedByTypeAndId) {
  const auto skill =
      parse_scope("skill:33400:" + std::string(64, 'c') + ":web-research:2.0.1").value();
  EXPECT_EQ(skill.type, nipsa::ScopeType::kSkill);
  EXPECT_EQ(nipsa::skill_of(skill).value().version, "2.0.1");
  EXPECT_EQ(parse_scope("l402:https://x.example/a").value().id, "https://x.example/a");
}

TEST(Delegations, NeverLetATickSpendItsOwnMoney) {
  nipsa::Delegation one;
  one.capabilities = {"nostr:read", "wallet:spend"};
  one.max_amount = base::Sat{1'000};
  EXPECT_EQ(delegated_capabilities(one), nipsa::Capabilities{"nostr:read"});
}

}  // namespace
}  // namespace node
