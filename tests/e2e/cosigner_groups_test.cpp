// One process co-signs for two groups: each by its own policy, with its own share, nonces,
// questions and record, through death and restart; and whoever is of one group is nobody to the
// other.
#include <gtest/gtest.h>

#include <filesystem>

#include "frostr/wire/messages.h"
#include "node/key_file.h"
#include "nostr/nips/nip19.h"
#include "storage/cosign_log.h"
#include "storage/nonces.h"
#include "tests/e2e/support/hostile_member.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/shop.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using base::json::Value;

constexpr int kMarket = World::kFirstCosigner;

class CosignerGroups : public ::testing::Test {
 protected:
  CosignerGroups() : b_({.beside = a_.relay_urls(), .market = &a_}) {}

  /// What the co-signer of `world` says to replies, without a word of its operator.
  static void let_reply(World& world) {
    const fs::path policy = world.cosigner_home(kMarket) / "policy.toml";
    must(node::write_file(policy,
                          must(node::read_file(policy)) + "\n[kinds.1]\nverdict = \"sign\"\n"));
  }
  void start() {
    a_.start_cosigner(kMarket);
    for (World* world : {&a_, &b_}) world->start_node();
  }
  std::string home() const { return a_.cosigner_home(kMarket).string(); }
  std::vector<Value> audit(World& world) {
    const Exit listed = a_.command({"--json", "cosigner", "audit", "list", "-n", "500", "--home",
                                    home(), "--identity", nostr::encode_npub(world.identity())});
    EXPECT_EQ(listed.code, 0);
    const Value rows =
        must(base::json::parse(listed.out, {.max_bytes = 4u << 20, .max_depth = 16}));
    return {rows.begin(), rows.end()};
  }
  /// Whether the record of `world`'s group says that this event was signed.
  bool signed_by(World& world, const nostr::Event& event) {
    for (const Value& row : audit(world))
      if (base::json::string_or(row, "event_id") == event.id.hex() && row.at("verdict") == "signed")
        return true;
    return false;
  }

  World a_;
  World b_;
};

TEST_F(CosignerGroups, EachIsJudgedByItsOwnPolicyAndAskedAboutByItsOwnKey) {
  let_reply(a_);
  start();
  mention(a_, "Hello Scout of the first group");
  const nostr::Event reply = await_reply(a_);  // nobody was asked
  EXPECT_EQ(reply.pubkey, a_.identity());
  EXPECT_TRUE(signed_by(a_, reply));
  EXPECT_FALSE(signed_by(b_, reply));

  const Asked asked = mention_and_await_question(b_, "Hello Scout of the second group");
  EXPECT_EQ(asked.asker, b_.service(kMarket));
  EXPECT_NE(b_.service(kMarket), a_.service(kMarket));
  EXPECT_TRUE(replies(b_).empty())
      << "what the first group's policy signs is no matter of the second";
  // Commands about one of them have to say which.
  EXPECT_EQ(a_.command({"approve", asked.code, "--home", home()}).code, 2);
  EXPECT_NE(
      a_.command({"approve", asked.code, "--home", home(), "--identity", a_.identity().hex()}).code,
      0)
      << "the first group asked nothing of the kind";
  EXPECT_EQ(a_.command({"approve", asked.code, "--home", home(), "--identity",
                        b_.identity().hex().substr(0, 12)})
                .code,
            0);
  const nostr::Event other = await_reply(b_);
  EXPECT_TRUE(signed_by(b_, other));
  EXPECT_FALSE(signed_by(a_, other));

  const auto groups =
      json_lines(a_.command({"cosigner", "groups", "--home", home(), "--json"}).out);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].at("identity"), a_.identity().hex());
  EXPECT_EQ(groups[1].at("identity"), b_.identity().hex());
  for (const char* verb : {"pending", "status", "doctor", "outbox", "pause"})
    EXPECT_EQ(a_.command({verb, "--home", home()}).code, 2) << verb;
  EXPECT_EQ(
      a_.command({"status", "--home", home(), "--identity", a_.stranger().pubkey().hex()}).code, 1);
}

TEST_F(CosignerGroups, WhoIsOfOneGroupGetsNothingOfTheOthersShare) {
  let_reply(a_);
  let_reply(b_);
  a_.start_cosigner(kMarket);
  HostileMember thief(a_, 1);
  HostileMember victim(b_, 1);
  const nostr::UnsignedEvent wanted{
      b_.identity(), thief.now(), nostr::kinds::kTextNote, {}, "not its own words"};
  // A request that breaks no rule of the second group's, but for who asks: sealed by a member of
  // the first.
  const frostr::SignRequest request = victim.session(kMarket, wanted);
  const std::string text = must(frostr::to_text(
      frostr::RpcRequest{frostr::new_rpc_id(thief.rng()), "sign", {frostr::to_params(request)}}));
  thief.post(victim.seal(kMarket, text, thief.transport_key(), thief.now()));
  // The same to the member's own co-signer: it is no session of its group.
  const frostr::SignRequest foreign = victim.session(kMarket, wanted);
  EXPECT_FALSE(thief.sign(kMarket, foreign).accepted);
  // And words in the other group's name in a session of its own.
  EXPECT_FALSE(thief.sign(kMarket, thief.session(kMarket, wanted)).accepted);
  EXPECT_EQ(thief.settle(kMarket), 0U);
  EXPECT_EQ(victim.settle(kMarket), 0U) << "and nobody answers a member for it either";
  for (World* world : {&a_, &b_})
    for (const Value& row : audit(*world)) EXPECT_NE(row.at("verdict"), "signed") << row;
  // What the second group's own member asks is signed, with that very nonce: it was not spent on a
  // stranger.
  EXPECT_TRUE(victim.sign(kMarket, request).accepted);
}

TEST_F(CosignerGroups, KilledAndStartedAgainEachGroupGoesOnWithItsOwn) {
  let_reply(a_);
  let_reply(b_);
  start();
  mention(a_, "before, to the first");
  mention(b_, "before, to the second");
  await_reply(a_);
  await_reply(b_);
  const std::size_t rows_a = audit(a_).size(), rows_b = audit(b_).size();
  a_.cosigner(kMarket).kill();
  {
    // Two ledgers, neither with a code of the other.
    const auto ledger_a = a_.open_cosigner_db(kMarket), ledger_b = b_.open_cosigner_db(kMarket);
    const auto count = [](storage::Db& db) {
      return must(storage::NonceLedger(db).count(storage::NonceSide::kIssued, 1,
                                                 storage::NonceState::kSpent));
    };
    EXPECT_GT(count(*ledger_a), 0);
    EXPECT_GT(count(*ledger_b), 0);
  }
  a_.start_cosigner(kMarket);
  for (World* world : {&a_, &b_}) {
    const auto before = replies(*world).size();
    mention(*world, "and after");
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (replies(*world).size() == before && std::chrono::steady_clock::now() < deadline)
      continue;
    EXPECT_EQ(replies(*world).size(), before + 1);
    EXPECT_EQ(a_.command({"cosigner", "audit", "verify", "--home", home(), "--identity",
                          world->identity().hex()})
                  .code,
              0);
  }
  EXPECT_GT(audit(a_).size(), rows_a);
  EXPECT_GT(audit(b_).size(), rows_b);

  // Paused is the one that is meant.
  EXPECT_EQ(a_.command({"pause", "--home", home(), "--identity", a_.identity().hex()}).code, 0);
  const Value first = a_.ask({"status", "--home", home(), "--identity", a_.identity().hex()});
  const Value second = a_.ask({"status", "--home", home(), "--identity", b_.identity().hex()});
  EXPECT_NE(first.at("paused"), "");
  EXPECT_EQ(second.at("paused"), "");
  EXPECT_NE(first.at("audit").at("head"), second.at("audit").at("head"));
}

TEST_F(CosignerGroups, ABackupIsOfOneGroupAndHoldsNothingOfTheOneBesideIt) {
  a_.start_cosigner(kMarket);
  const fs::path phrase = a_.root() / "phrase.txt";
  must(node::write_file(phrase, "correct horse battery staple\n", 0600));
  EXPECT_EQ(a_.command({"backup", (a_.root() / "all.backup").string(), "--passphrase-file",
                        phrase.string(), "--home", home()})
                .code,
            2);
  for (World* world : {&a_, &b_}) {
    const std::string file = (a_.root() / (world->identity().hex() + ".backup")).string();
    const fs::path back = a_.root() / ("back-" + world->identity().hex().substr(0, 8));
    a_.ask({"backup", file, "--passphrase-file", phrase.string(), "--home", home(), "--identity",
            world->identity().hex()});
    a_.ask({"restore", file, "--passphrase-file", phrase.string(), "--home", back.string()});
    const auto groups =
        json_lines(a_.command({"cosigner", "groups", "--home", back.string(), "--json"}).out);
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].at("identity"), world->identity().hex());
    EXPECT_FALSE(fs::exists(back / "groups"));
    EXPECT_TRUE(fs::exists(back / "share.txt"));
  }
}

TEST_F(CosignerGroups, AHomeTakesNoSecondShareOfAGroupAndNoOtherGroupUnasked) {
  const auto init = [&](const std::string& share, World& of, bool add) {
    std::vector<std::string> arguments{"cosigner",   "init",
                                       "--home",     home(),
                                       "--group",    (of.deal() / "group.txt").string(),
                                       "--share",    (of.deal() / share).string(),
                                       "--operator", of.owner().pubkey().hex(),
                                       "--runner",   of.node_key().hex(),
                                       "--relay",    of.relay_urls().front()};
    if (add) arguments.emplace_back("--add");
    return a_.command(std::move(arguments)).code;
  };
  EXPECT_EQ(init("share-3.txt", a_, true), 1) << "of the home's own group";
  EXPECT_EQ(init("share-3.txt", b_, true), 1) << "of one beside it";
  const World third({.beside = a_.relay_urls()});
  EXPECT_EQ(init("share-2.txt", const_cast<World&>(third), false), 1) << "not without being told";
  // Put there by hand, it is noticed before anything is served.
  const fs::path copy = a_.cosigner_home(kMarket) / "groups" / "copy";
  fs::copy(b_.cosigner_home(kMarket), copy);
  EXPECT_EQ(a_.command({"cosigner", "--home", home()}).code, 1);
}

}  // namespace
}  // namespace e2e
