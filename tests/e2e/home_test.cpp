// Being at home: doctor, log and top beside a world that works.
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

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

/// The value of a sample, or -1.
double sample(const std::string& metrics, const std::string& name) {
  const std::size_t at = ("\n" + metrics).find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(metrics.substr(at + name.size() + 1));
}

TEST(Home, AnOperatorWhoCannotBeAskedPrivatelyIsNamedAtTheStart) {
  World world;
  world.start();
  world.await_announced();
  const Value well = world.ask({"status", "--home", world.node_home().string()});
  ASSERT_EQ(well.at("operators").size(), 1U);
  EXPECT_EQ(well.at("operators")[0].at("asked_by"), "private messages");

  // They delete their inbox list; the next start tells.
  const nostr::Event inbox = world.owner().fetch({.authors = {world.owner().pubkey()}, .kinds = {nostr::kinds::kDmRelays}}).front();
  world.stop_actors();
  world.owner().publish(world.owner().sign(nostr::kinds::kDeletion, {{"e", inbox.id.hex()}}, ""));
  world.start();
  const std::string guard = world.cosigner_home(World::kFirstCosigner).string();
  std::string told;
  while (!told.contains("no relay they are known to read")) told = world.command({"status", "--home", guard}).out;
  EXPECT_TRUE(told.contains("operator  npub1"));
}

TEST(Home, MetricsMeasureWhatHappened) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  world.owner().send(asked.asker, "yes " + asked.code);
  await_receipt(world, asked, "done");
  await_result(world, asked.mention);

  const std::string relay = world.relay_urls().front();
  const std::string node = world.command({"metrics", "--home", world.node_home().string()}).out;
  EXPECT_GE(sample(node, "frost_sign_seconds_count"), 4) << "profile, relays, schedule, the reply";
  EXPECT_GT(sample(node, "frost_sign_seconds_sum"), 0);
  EXPECT_GE(sample(node, "verify_seconds_count"), 1);
  EXPECT_GE(sample(node, "publish_total{relay=\"" + relay + "\",result=\"accepted\"}"), 5);
  EXPECT_GE(sample(node, "llm_requests_total{backend=\"default\",status=\"ok\"}"), 1);
  EXPECT_EQ(sample(node, "llm_requests_total{backend=\"default\",status=\"failed\"}"), 0);
  EXPECT_GE(sample(node, "llm_tokens_total{backend=\"default\",dir=\"in\"}"), 0);
  EXPECT_EQ(sample(node, "relay_gap_seconds{relay=\"" + relay + "\"}"), 0);
  EXPECT_GE(sample(node, "relay_last_frame_seconds{relay=\"" + relay + "\"}"), 0);
  EXPECT_EQ(sample(node, "auth_total{relay=\"" + relay + "\",result=\"failed\"}"), 0);

  const std::string guard = world.command({"metrics", "--home", world.cosigner_home(asked.cosigner).string()}).out;
  EXPECT_EQ(sample(guard, "approvals_total{outcome=\"consumed\",channel=\"nip17\"}"), 1) << guard;
  EXPECT_EQ(sample(guard, "approval_latency_seconds_count"), 1);
  EXPECT_EQ(sample(guard, "approval_latency_seconds_bucket{le=\"+Inf\"}"), 1);
}

TEST(Home, ANodeServesItsPageAndPrintsWhereItIs) {
  World world;
  const std::string home = world.node_home().string();
  world.start_cosigner(World::kFirstCosigner);
  world.start_node({{"SOVEREIGN_DASHBOARD_LISTEN", "127.0.0.1:0"}});
  const Value page = world.ask({"dashboard", "--home", home});
  const std::string url = page.at("url");
  const std::string token = url.substr(url.find('#') + 1);
  EXPECT_GE(token.size(), 32U);
  const std::string metrics = world.command({"metrics", "--home", home}).out;
  EXPECT_NE(metrics.find("frost_peers_online"), std::string::npos) << metrics;
  EXPECT_EQ(metrics.find(token), std::string::npos);
  EXPECT_EQ(world.ask({"status", "--home", home}).dump().find(token), std::string::npos);
}

TEST(Home, ANodeOnAnAddressThatOthersReachServesNothing) {
  World world;
  const Exit refused = run_program({"run", "--home", world.node_home().string()},
                                   {.environment = {{"SOVEREIGN_DASHBOARD_LISTEN", "0.0.0.0:0"}},
                                    .log = world.root() / "refused.log"});
  EXPECT_EQ(refused.code, 1);
}

/// The socket of a service manager.
class Manager {
 public:
  explicit Manager(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval limit{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Manager() { ::close(fd_); }
  /// Whether `state` is told, before anything else but `allowed`.
  bool hears(const std::string& state, const std::string& allowed) const {
    for (;;) {
      char text[64];
      const ssize_t n = ::recv(fd_, text, sizeof text, 0);
      if (n < 0) return false;
      const std::string told(text, static_cast<std::size_t>(n));
      if (told == state) return true;
      if (told != allowed) return false;
    }
  }

 private:
  int fd_;
};

TEST(Home, AServiceManagerHearsReadyAliveAndStopping) {
  World world;
  const std::string path = (world.root() / "notify").string();
  const Manager manager(path);
  world.start_cosigner(World::kFirstCosigner, {{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "100000"}});
  EXPECT_TRUE(manager.hears("READY=1", "WATCHDOG=1"));
  EXPECT_TRUE(manager.hears("WATCHDOG=1", ""));
  world.stop_actors();
  EXPECT_TRUE(manager.hears("STOPPING=1", "WATCHDOG=1"));
}

}  // namespace
}  // namespace e2e
