// Patches as events and back, and what only looks like one.
#include "nostr/nips/nip34.h"

#include <gtest/gtest.h>

#include "nostr/event/event.h"

namespace nostr {
namespace {

const std::string kOwner(64, 'a');
const std::string kCommit(40, 'c'), kParent(40, 'b'), kRoot(40, '0');
const std::string kText =
    "From cccc Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nDate: Sat, 28 Nov 2026 11:00:00 +0000\n"
    "Subject: [PATCH 1/2] Round up, since a half is\n as good as a whole\n\n---\n a.txt | 1 +\n\n"
    "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -0,0 +1 @@\n+Subject: no\n";

Patch patch() {
  return {.repository = Address::parse("30617:" + kOwner + ":tools").value(), .text = kText, .earliest_commit = kRoot,
          .commit = kCommit, .parent_commit = kParent};
}

Event event_of(const Draft& draft) { return {.kind = draft.kind, .tags = draft.tags, .content = draft.content}; }

TEST(Nip34, APatchHasTheTagsByWhichItIsFoundAndComesBack) {
  const Draft draft = build_patch(patch()).value();
  EXPECT_EQ(draft.kind, 1617);
  EXPECT_EQ(draft.content, kText);
  EXPECT_EQ(draft.tags, (Tags{{"a", "30617:" + kOwner + ":tools"}, {"r", kRoot}, {"p", kOwner}, {"t", "root"},
                              {"commit", kCommit}, {"r", kCommit}, {"parent-commit", kParent}}));
  const Patch back = parse_patch(event_of(draft)).value();
  EXPECT_EQ(back.repository, patch().repository);
  EXPECT_EQ(back.earliest_commit, kRoot);
  EXPECT_EQ(back.commit, kCommit);
  EXPECT_EQ(back.parent_commit, kParent);
  EXPECT_TRUE(back.root);
  EXPECT_EQ(patch_subject(back.text), "Round up, since a half is as good as a whole");
}

TEST(Nip34, WhatIsNoPatchIsRefused) {
  const auto refused = [](auto change) {
    Patch wrong = patch();
    change(wrong);
    return !build_patch(wrong).has_value();
  };
  EXPECT_TRUE(refused([](Patch& p) { p.repository.kind = 30618; }));
  EXPECT_TRUE(refused([](Patch& p) { p.text = "diff --git a/a b/a\n"; }));
  EXPECT_TRUE(refused([](Patch& p) { p.text += "\xff"; }));
  EXPECT_TRUE(refused([](Patch& p) { p.commit = "HEAD"; }));
  EXPECT_TRUE(refused([](Patch& p) { p.parent_commit = std::string(40, 'G'); }));
  Event event = event_of(build_patch(patch()).value());
  event.kind = 1;
  EXPECT_FALSE(parse_patch(event).has_value());
  event.kind = kinds::kPatch;
  event.tags.erase(event.tags.begin());
  EXPECT_FALSE(parse_patch(event).has_value()) << "it names no repository";
  event.tags = {{"a"}, {"a", "junk"}, {"a", "30617:" + kOwner + ":tools"}, {"commit", "--upload-pack=x"}, {"r", "x"}};
  const Patch odd = parse_patch(event).value();
  EXPECT_EQ(odd.commit, "") << "nothing that is no id reaches git";
  EXPECT_EQ(odd.earliest_commit, "");
  EXPECT_FALSE(odd.root);
}

TEST(Nip34, ASubjectIsReadFromTheHeadOnly) {
  EXPECT_EQ(patch_subject("From x\nFrom: A\n\nSubject: in the body\n"), "");
  EXPECT_EQ(patch_subject("From x\nSubject: plain\n\n"), "plain");
  EXPECT_EQ(patch_subject("From x\nSubject: [PATCH] one\n"), "one");
  EXPECT_EQ(patch_subject(""), "");
}

}  // namespace
}  // namespace nostr
