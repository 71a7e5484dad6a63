// Homes that come back from a backup made while a question was open: what was said to it, and signed, since
// then is neither said nor signed again, and new work goes on.
#include <gtest/gtest.h>

#include <filesystem>

#include "node/home.h"
#include "storage/approvals.h"
#include "storage/ticks.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using base::json::Value;

TEST(Backup, HomesFromBeforeAnApprovalSignNothingTwiceAndGoOn) {
  World world;
  constexpr int kCosigner = World::kFirstCosigner;
  world.start_cosigner(kCosigner);
  world.start_node();
  world.await_announced();
  const Asked asked = mention_and_await_question(world);

  const fs::path phrase = world.root() / "phrase.txt";
  must(node::write_file(phrase, "correct horse battery staple\n", 0600));
  const auto archive_of = [&](const fs::path& home) { return world.root() / (home.filename().string() + ".backup"); };
  for (const fs::path& home : {world.node_home(), world.cosigner_home(kCosigner)})
    world.ask({"backup", archive_of(home).string(), "--passphrase-file", phrase.string(), "--home", home.string()});
  world.owner().send(asked.asker, "yes " + asked.code);
  await_reply(world);
  await_receipt(world, asked, "done");
  await_result(world, asked.mention);
  world.stop_actors();

  std::int64_t nonces = 0;
  for (const fs::path& home : {world.node_home(), world.cosigner_home(kCosigner)}) {
    fs::rename(home, home.string() + ".lost");
    const Value restored = world.ask({"restore", archive_of(home).string(), "--passphrase-file", phrase.string(),
                                      "--home", home.string()});
    nonces += restored.at("closed").at("nonces").get<std::int64_t>();
  }
  EXPECT_GT(nonces, 0) << "codes that were issued and not used are dead";
  {
    const auto db = world.open_cosigner_db(kCosigner);
    for (const storage::Question& question : must(storage::Approvals(*db).history()))
      EXPECT_EQ(question.state, storage::QuestionState::kWithdrawn);
    EXPECT_TRUE(must(storage::Ticks(*world.open_node_db()).list_unfinished()).empty());
  }

  world.start_cosigner(kCosigner);
  world.start_node();
  const auto home = world.node_home().string();
  EXPECT_TRUE(world.command({"status", "--home", home}).out.contains("restored from a backup of"));
  // The old yes, said again, opens nothing.
  world.owner().send(asked.asker, "yes " + asked.code);
  const nostr::Event second = mention(world, "And now?");
  EXPECT_EQ(world.command({"resume", "--home", home}).code, 0);
  const Asked again = await_question(world, second);
  EXPECT_NE(again.code, asked.code);
  EXPECT_EQ(replies(world).size(), 1u) << "the first reply was not repeated";
  world.owner().send(again.asker, "yes " + again.code);
  await_result(world, second);
  EXPECT_EQ(replies(world).size(), 2u);
}

}  // namespace
}  // namespace e2e
