// Being at home: doctor, log and top beside a world that works.
#include <gtest/gtest.h>

#include "nipsa/kinds.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using base::json::Value;

std::string grade_of(const Value& report, const std::string& check) {
  for (const Value& entry : report.at("checks"))
    if (entry.at("check").get<std::string>().starts_with(check)) return entry.at("grade");
  return "absent";
}

TEST(Home, DoctorLogAndTopTellWhatIsGoingOn) {
  World world;
  const std::string home = world.node_home().string();
  const Exit nobody = world.command({"top", "--home", home});
  EXPECT_EQ(nobody.code, 3);
  world.start();
  world.await_announced();

  const Exit well = world.command({"doctor", "--home", home, "--json"});
  const Value report = *base::json::parse(well.out);
  for (const std::string check : {"config", "identity", "files.share", "relay ", "operator ", "cosigner 2",
                                  "group.ready", "backend ", "disk"})
    EXPECT_EQ(grade_of(report, check), "ok") << check << "\n" << well.out;

  const Asked asked = mention_and_await_question(world);
  const Exit screen = world.command({"top", "--home", home});
  EXPECT_EQ(screen.code, 0);
  EXPECT_NE(screen.out.find("waits for the operator"), std::string::npos) << screen.out;
  EXPECT_EQ(screen.out.find('\x1b'), std::string::npos) << "no escapes without a terminal";

  world.owner().send(asked.asker, "yes " + asked.code);
  await_result(world, asked.mention);
  const Exit live = world.command({"log", "--home", home, "-n", "1000", "--json"});
  EXPECT_NE(live.out.find("Hello Scout"), std::string::npos) << "steps are opened for whoever has the key";
  const Exit verdicts = world.command(
      {"log", "--home", world.cosigner_home(asked.cosigner).string(), "--what", "verdict", "-n", "1000"});
  EXPECT_NE(verdicts.out.find("sign"), std::string::npos) << verdicts.out;

  // The operator's inbox is one of those things that are nobody's fault and stop everything.
  world.stop_actors();
  const Exit closed = world.command({"log", "--home", home, "-n", "1000", "--json"});
  EXPECT_NE(closed.out.find("Hello Scout"), std::string::npos) << "nothing runs, the database tells";
  const Value away = *base::json::parse(world.command({"doctor", "--home", home, "--json", "--offline"}).out);
  EXPECT_EQ(grade_of(away, "process"), "warn");
}

}  // namespace
}  // namespace e2e
