// What an event answers or means: NIP-09, 10, 22, 25, 40.
#include <gtest/gtest.h>

#include "nostr/nips/nip09.h"
#include "nostr/nips/nip10.h"
#include "nostr/nips/nip22.h"
#include "nostr/nips/nip25.h"
#include "nostr/nips/nip40.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;

std::string hex(char digit) {
  return std::string(64, digit);
}

TEST(Nip10, FindsRootAndParent) {
  const struct {
    const char* name;
    nostr::Tags tags;
    char root;
    char parent;
  } cases[] = {
      {"no e tags", {{"p", hex('1')}}, 0, 0},
      {"only a root marker", {{"e", hex('a'), "", "root"}}, 'a', 'a'},
      {"root and reply", {{"e", hex('a'), "", "root"}, {"e", hex('b'), "", "reply"}}, 'a', 'b'},
      {"reply before root", {{"e", hex('b'), "", "reply"}, {"e", hex('a'), "", "root"}}, 'a', 'b'},
      {"one positional", {{"e", hex('a')}}, 'a', 'a'},
      {"three positional", {{"e", hex('a')}, {"e", hex('c')}, {"e", hex('b')}}, 'a', 'b'},
      {"mentions do not count", {{"e", hex('c'), "", "mention"}, {"e", hex('a')}}, 'a', 'a'},
      {"only a mention", {{"e", hex('c'), "", "mention"}}, 0, 0},
      {"only a reply marker", {{"e", hex('b'), "", "reply"}}, 'b', 'b'},
      {"malformed ids are skipped", {{"e", "zz", "", "root"}, {"e"}, {"e", hex('a')}}, 'a', 'a'},
      {"marked wins over positional", {{"e", hex('c')}, {"e", hex('a'), "", "root"}}, 'a', 'a'},
  };
  for (const auto& c : cases) {
    const auto thread = nostr::parse_thread(c.tags);
    EXPECT_EQ(thread.root.has_value(), c.root != 0) << c.name;
    EXPECT_EQ(thread.parent.has_value(), c.parent != 0) << c.name;
    if (thread.root) EXPECT_EQ(thread.root->id, id(c.root)) << c.name;
    if (thread.parent) EXPECT_EQ(thread.parent->id, id(c.parent)) << c.name;
  }
}

TEST(Nip10, AReplyIsReadBack) {
  const auto note = signed_by(key('1'), 1, {{"p", pub('2').hex()}, {"p", pub('3').hex()}}, "hello");
  const auto answer = signed_by(key('2'), 1, nostr::reply_tags(note, "wss://r", pub('2')), "hi");
  EXPECT_EQ(nostr::parse_thread(answer.tags).parent->id, note.id);
  EXPECT_EQ(nostr::parse_thread(answer.tags).root->id, note.id);
  EXPECT_EQ(nostr::parse_thread(answer.tags).root->author, pub('1'));
  EXPECT_EQ(nostr::tag_values(answer.tags, "p").size(),
            2u);  // the author and the third, not oneself
  const auto second = signed_by(key('1'), 1, nostr::reply_tags(answer, "", pub('1')), "and?");
  EXPECT_EQ(nostr::parse_thread(second.tags).root->id, note.id);
  EXPECT_EQ(nostr::parse_thread(second.tags).parent->id, answer.id);
}

TEST(Nip10, AParentCannotMakeUsNotifyThousands) {
  nostr::Tags tags;
  for (int i = 1; i < 1000; ++i) {
    std::string text = std::to_string(i);
    tags.push_back({"p", std::string(64 - text.size(), '0') + text});
  }
  const auto note = signed_by(key('1'), 1, tags, "spam");
  EXPECT_EQ(nostr::tag_values(nostr::reply_tags(note, "", pub('2')), "p").size(), 20u);
}

TEST(Nip22, ACommentNamesRootAndParent) {
  const auto article = signed_by(key('1'), 30023, {{"d", "post"}}, "text");
  const auto comment = signed_by(key('2'), 1111, nostr::comment_tags(article, "wss://r"), "nice");
  auto target = nostr::parse_comment(comment.tags);
  EXPECT_EQ(target.root_address->d, "post");
  EXPECT_EQ(target.parent->id, article.id);
  EXPECT_EQ(target.parent->author, pub('1'));
  EXPECT_EQ(target.parent_kind, 30023);
  const auto answer = signed_by(key('1'), 1111, nostr::comment_tags(comment, ""), "thanks");
  target = nostr::parse_comment(answer.tags);
  EXPECT_EQ(target.root_address->d, "post");
  EXPECT_EQ(target.root->id, article.id);
  EXPECT_EQ(target.parent->id, comment.id);
  EXPECT_EQ(target.parent_kind, 1111);
  EXPECT_EQ(target.parent_address, std::nullopt);
}

TEST(Nip25, TheLastETagIsMeant) {
  // Some clients copy all e and p tags of the target and put the target's own id last.
  const nostr::Tags tags{
      {"p", hex('1')}, {"e", hex('a')}, {"p", hex('2')}, {"e", hex('b'), "wss://r"}};
  EXPECT_EQ(nostr::parse_reaction(tags).event, id('b'));
  const auto note = signed_by(key('1'), 1, {}, "x");
  const auto draft = nostr::build_reaction(note, "", "+", kNow);
  EXPECT_EQ(draft.kind, 7);
  EXPECT_EQ(nostr::parse_reaction(draft.tags).event, note.id);
  EXPECT_EQ(nostr::parse_reaction({{"e"}, {"e", "short"}}).event, std::nullopt);
}

TEST(Nip40, ExpiresAtItsTime) {
  auto event = signed_by(key('1'), 1, {nostr::expiration_tag(kNow)}, "x");
  EXPECT_TRUE(nostr::is_expired(event, kNow));
  EXPECT_FALSE(nostr::is_expired(event, kNow - std::chrono::seconds(1)));
  event.tags = {{"expiration", "soon"}, {"expiration", "-4"}, {"expiration", ""}};
  EXPECT_FALSE(nostr::is_expired(event, kNow));
}

TEST(Nip09, OnlyTheAuthorDeletes) {
  using std::chrono::seconds;
  const auto note = signed_by(key('1'), 1, {}, "x");
  const auto old = signed_by(key('1'), 30023, {{"d", "a"}}, "x", kNow - seconds(10));
  const auto newer = signed_by(key('1'), 30023, {{"d", "a"}}, "y", kNow + seconds(10));
  const auto make = [](const nostr::SecretKey& by, nostr::Draft draft) {
    return signed_by(by, draft.kind, draft.tags, draft.content, draft.created_at);
  };
  const auto own = make(key('1'), nostr::build_deletion({note}, "", kNow));
  const auto foreign = make(key('2'), nostr::build_deletion({note, old}, "", kNow));
  const auto by_address =
      signed_by(key('1'), 5, {{"a", nostr::address_of(old)->str()}, {"e", "junk"}}, "");
  EXPECT_TRUE(nostr::deletes(own, note));
  EXPECT_FALSE(nostr::deletes(own, old));
  EXPECT_FALSE(nostr::deletes(foreign, note));
  EXPECT_TRUE(nostr::deletion_targets(foreign).addresses.empty());
  EXPECT_TRUE(nostr::deletes(by_address, old));
  EXPECT_FALSE(nostr::deletes(by_address, newer));
  const auto of_deletion = signed_by(key('1'), 5, {{"e", own.id.hex()}}, "");
  EXPECT_FALSE(nostr::deletes(of_deletion, own));
  EXPECT_EQ(nostr::tag_values(nostr::build_deletion({note, old}, "", kNow).tags, "k").size(), 2u);
}

}  // namespace
