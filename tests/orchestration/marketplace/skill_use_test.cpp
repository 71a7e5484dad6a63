// An open skill narrows its tick, is told to the model, and stops when its licence does.
#include "orchestration/marketplace/skill_use.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

SkillInUse skill(const std::string& name, nipsa::Capabilities granted) {
  SkillInUse out;
  out.name = name;
  out.version = "1.0.0";
  out.licence = "39220:x:" + name;
  out.text = "Do as " + name + " says.";
  out.granted = std::move(granted);
  return out;
}

ToolInvocation call(const std::string& tool, Capability capability, const std::string& tick = "t") {
  ToolInvocation out;
  out.tick = tick;
  out.tool = tool;
  out.capability = capability;
  return out;
}

struct Bench {
  SkillBench bench;
  Hook gate = skill_gate(bench);
  bool blocks(const ToolInvocation& c) { return gate.decide_tool(c).verdict == Decision::Verdict::kBlock; }
};

TEST(SkillUse, WithoutASkillNothingChanges) {
  Bench b;
  EXPECT_FALSE(b.blocks(call("bash", Capability::kRun)));
  EXPECT_EQ(b.gate.aside("t"), "");
}

TEST(SkillUse, OnlyWhatIsGrantedIsLeft) {
  Bench b;
  b.bench.put("t", skill("echo", {"nostr:publish", "nostr:read"}));
  EXPECT_FALSE(b.blocks(call("search_events", Capability::kQuery)));
  EXPECT_FALSE(b.blocks(call("reply", Capability::kSign)));
  EXPECT_FALSE(b.blocks(call("ask_operator", Capability::kControl))) << "the session's own business";
  for (const Capability other : {Capability::kFile, Capability::kMessage, Capability::kEdit, Capability::kRun,
                                 Capability::kFetch, Capability::kServer, Capability::kSpend, Capability::kDelegate})
    EXPECT_TRUE(b.blocks(call("x", other))) << capability_name(other);
  EXPECT_FALSE(b.blocks(call("bash", Capability::kRun, "another tick")));
  EXPECT_NE(b.gate.aside("t").find("Do as echo says."), std::string::npos);
  EXPECT_EQ(b.gate.aside("another tick"), "");
}

TEST(SkillUse, ASkillThatNamesItsToolsGetsNoOthers) {
  Bench b;
  SkillInUse narrow = skill("echo", {"nostr:read"});
  narrow.limits_tools = true;
  narrow.allowed_tools = {"search_events"};
  b.bench.put("t", std::move(narrow));
  EXPECT_FALSE(b.blocks(call("search_events", Capability::kQuery)));
  EXPECT_TRUE(b.blocks(call("read_thread", Capability::kQuery)));
}

TEST(SkillUse, SeveralLeaveWhatAllOfThemMay) {
  Bench b;
  b.bench.put("t", skill("echo", {"http:outbound", "nostr:read"}));
  b.bench.put("t", skill("other", {"nostr:read"}));
  EXPECT_FALSE(b.blocks(call("search_events", Capability::kQuery)));
  EXPECT_TRUE(b.blocks(call("webfetch", Capability::kFetch)));
}

TEST(SkillUse, WhenItsLicenceEndsItsWordsGoAndNothingWidens) {
  Bench b;
  auto good = std::make_shared<bool>(true);
  SkillInUse leased = skill("echo", {"nostr:read"});
  leased.still_good = [good]() -> base::Result<void> {
    if (*good) return {};
    return base::fail(base::Errc::kDenied, "E_REVOKED: the licence is revoked");
  };
  b.bench.put("t", std::move(leased));
  EXPECT_FALSE(b.blocks(call("search_events", Capability::kQuery)));
  *good = false;
  EXPECT_TRUE(b.blocks(call("search_events", Capability::kQuery)));
  EXPECT_EQ(b.gate.aside("t").find("Do as echo says."), std::string::npos);
  EXPECT_NE(b.gate.aside("t").find("revoked"), std::string::npos);
  *good = true;
  EXPECT_TRUE(b.blocks(call("search_events", Capability::kQuery))) << "what was stopped stays so";
}

TEST(SkillUse, WhatCannotBeOpenedAgainLeavesNothing) {
  Bench b;
  b.bench.put_shut("t", "39220:x:echo", "exhausted");
  EXPECT_TRUE(b.blocks(call("search_events", Capability::kQuery)));
  EXPECT_TRUE(b.bench.has("t", "39220:x:echo"));
  b.bench.clear("t");
  EXPECT_FALSE(b.blocks(call("search_events", Capability::kQuery)));
}

}  // namespace
}  // namespace orchestration
