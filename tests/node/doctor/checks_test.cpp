// What a doctor says of files, relays' limits and a running process.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "node/doctor/home_checks.h"
#include "node/doctor/live_checks.h"
#include "node/doctor/relay_checks.h"
#include "node/key_file.h"
#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

namespace fs = std::filesystem;
using base::json::Value;

const Finding* find(const Findings& findings, std::string_view check) {
  for (const Finding& finding : findings.all())
    if (finding.check == check) return &finding;
  return nullptr;
}

Grade grade_of(const Findings& findings, std::string_view check) {
  const Finding* finding = find(findings, check);
  EXPECT_NE(finding, nullptr) << check;
  return finding ? finding->grade : Grade::kOk;
}

TEST(Doctor, AFolderThatIsNoHomeIsSaidToBeNone) {
  const testing::TempDir dir;
  Findings findings;
  const Subject subject = read_subject(Home::locate(dir.path().string()), findings);
  EXPECT_EQ(subject.role, Subject::Role::kNobody);
  EXPECT_EQ(grade_of(findings, "home"), Grade::kFail);
}

TEST(Doctor, AKeyThatOthersCanReadFailsWithTheCure) {
  const testing::TempDir dir;
  const Home home = Home::locate(dir.path().string());
  std::ofstream(home.config_file()) << "[node]\nrelays = [\"wss://relay.example\"]\n";
  base::SystemRng rng;
  ASSERT_TRUE(save_key_file(home.node_key_file(), nostr::SecretKey::generate(rng)).has_value());
  Findings good;
  Subject subject = read_subject(home, good);
  check_files(home, subject, "", good);
  EXPECT_EQ(grade_of(good, "files.key.mode"), Grade::kOk);

  fs::permissions(home.node_key_file(), fs::perms::group_read, fs::perm_options::add);
  Findings bad;
  check_files(home, subject, "", bad);
  EXPECT_EQ(grade_of(bad, "files.key.mode"), Grade::kFail);
  EXPECT_EQ(find(bad, "files.key.mode")->fix, "chmod 600 " + home.node_key_file().string());
}

TEST(Doctor, AConfigurationThatIsWrongIsTheFirstThingSaid) {
  const testing::TempDir dir;
  const Home home = Home::locate(dir.path().string());
  std::ofstream(home.config_file()) << "[node]\nrelay = []\n";
  Findings findings;
  read_subject(home, findings);
  EXPECT_EQ(grade_of(findings, "config"), Grade::kFail);
}

TEST(Doctor, AFullDiskFailsAndASmallOneWarns) {
  Findings full, small, roomy;
  check_room(1u << 20, full);
  check_room(500u << 20, small);
  check_room(std::uint64_t{5} << 30, roomy);
  EXPECT_EQ(full.worst(), Grade::kFail);
  EXPECT_EQ(small.worst(), Grade::kWarn);
  EXPECT_EQ(roomy.worst(), Grade::kOk);
}

TEST(Doctor, LimitsOfARelayThatWouldStandInTheWayAreNamed) {
  EXPECT_TRUE(objections({}).empty());
  EXPECT_TRUE(objections({.max_message_length = 1 << 20, .created_at_lower_limit = 94'608'000}).empty());
  EXPECT_EQ(objections({.max_message_length = 4'096}).size(), 1U);
  EXPECT_EQ(objections({.created_at_lower_limit = 3'600}).size(), 1U);
  EXPECT_EQ(objections({.payment_required = true, .restricted_writes = true}).size(), 2U);
}

Value live(bool online, bool judges, int nonces) {
  return {{"role", "node"},
          {"ready", online},
          {"why_not", online ? "" : "nobody answers"},
          {"cosigners", {{{"idx", 2}, {"online", online}, {"judges", judges}, {"nonces", nonces}}}},
          {"relays", Value::array()},
          {"outbox", {{"failed", 0}}}};
}

TEST(Doctor, AQuorumThatJudgesAndHasNoncesIsWell) {
  EXPECT_EQ(read_status(live(true, true, 50)).worst(), Grade::kOk);
}

TEST(Doctor, AGroupInWhichNobodyJudgesFails) {
  EXPECT_EQ(grade_of(read_status(live(true, false, 50)), "group.judges"), Grade::kFail);
}

TEST(Doctor, FewNoncesWarnAndAnAbsentQuorumFails) {
  EXPECT_EQ(grade_of(read_status(live(true, true, 1)), "cosigner 2"), Grade::kWarn);
  EXPECT_EQ(grade_of(read_status(live(false, true, 0)), "group.ready"), Grade::kFail);
}

TEST(Doctor, AStateThatDoesNotOpenFails) {
  const auto with = [](const char* problem) {
    return read_status({{"role", "node"}, {"state", {{"problem", problem}, {"memories", 3}, {"tick_count", 2}}}});
  };
  EXPECT_EQ(grade_of(with(""), "state"), Grade::kOk);
  EXPECT_EQ(grade_of(with("E_REF: nip-sa/state/1 is missing"), "state"), Grade::kFail);
}

TEST(Doctor, APausedProcessAndAPolicyThatWasNotTakenAreSaid) {
  const Value status = {{"role", "cosigner"},
                        {"paused", "lunch"},
                        {"policy", {{"error", "unknown key"}, {"since", 0}}}};
  const Findings findings = read_status(status);
  EXPECT_EQ(grade_of(findings, "process.paused"), Grade::kWarn);
  EXPECT_EQ(grade_of(findings, "policy.taken"), Grade::kFail);
}

}  // namespace
}  // namespace node
