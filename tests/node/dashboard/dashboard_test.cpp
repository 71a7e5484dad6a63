// The dashboard over real sockets: who is served, who is turned away, and what may be done through it.
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "node/dashboard/relay_timeline.h"
#include "node/dashboard/server.h"
#include "node/dashboard/views.h"
#include "storage/budgets.h"
#include "storage/schema.h"
#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

using base::json::Value;

constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

base::Task<base::Result<std::unique_ptr<Dashboard>>> start_on(base::Loop* loop, nostr::NetThread* net,
                                                              DashboardSource source) {
  co_return Dashboard::start(*loop, *net, {"127.0.0.1", 0}, kToken, std::move(source));
}

base::Task<void> stop(Dashboard* dashboard) {
  co_await dashboard->stop();
}

class DashboardServer : public ::testing::Test {
 protected:
  DashboardServer() {
    DashboardSource source{
        .now = [this]() -> base::Result<Value> { return Value{{"doing", paused_ ? "paused: x" : "idle"}}; },
        .session = [](const std::string& d) -> base::Result<Value> { return Value{{"d", d}}; },
        .metrics = [] { return std::string("build_info 1\n"); },
        .pause = [this](const std::string&) -> base::Result<void> { paused_ = true; return {}; }};
    dashboard_ = *loop_.run_until_complete(start_on(&loop_, &net_, std::move(source)));
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~DashboardServer() override {
    loop_.post([this] { loop_.stop(); });
    thread_.join();
    loop_.run_until_complete(stop(dashboard_.get()));
  }

  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(dashboard_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
  }
  std::string own() const { return "127.0.0.1:" + std::to_string(dashboard_->port()); }

  /// One request, and all that comes back until the server hangs up.
  std::string get(const std::string& path, const std::string& host, const std::string& more = "") const {
    return exchange("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + more + "\r\n");
  }
  std::string exchange(const std::string& bytes) const {
    const int fd = connect();
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string out;
    char chunk[4096];
    for (ssize_t n = 0; (n = ::recv(fd, chunk, sizeof chunk, 0)) > 0;) out.append(chunk, static_cast<std::size_t>(n));
    ::close(fd);
    return out;
  }

  /// A websocket whose page is of `origin`; -1 when it is refused.
  int upgrade(const std::string& host, const std::string& origin) const {
    const int fd = connect();
    const std::string ask = "GET /live HTTP/1.1\r\nHost: " + host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        (origin.empty() ? "" : "Origin: " + origin + "\r\n") + "\r\n";
    EXPECT_EQ(::send(fd, ask.data(), ask.size(), MSG_NOSIGNAL), static_cast<ssize_t>(ask.size()));
    std::string head;
    char c = 0;
    while (!head.ends_with("\r\n\r\n") && ::recv(fd, &c, 1, 0) == 1) head += c;
    if (head.contains(" 101 ")) return fd;
    ::close(fd);
    return -1;
  }
  /// A short masked text frame.
  static void say(int fd, const std::string& text) {
    std::string frame{'\x81', static_cast<char>(0x80 | text.size())};
    frame += std::string(4, '\0');  // a mask of zeros changes nothing
    EXPECT_LT(text.size(), 126U);
    frame += text;
    EXPECT_EQ(::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL), static_cast<ssize_t>(frame.size()));
  }
  /// The next short frame's payload, "" at the end.
  static std::string hear(int fd) {
    unsigned char head[2];
    if (::recv(fd, head, 2, MSG_WAITALL) != 2 || head[0] != 0x81) return "";
    std::string text(head[1] & 0x7f, '\0');
    EXPECT_EQ(::recv(fd, text.data(), text.size(), MSG_WAITALL), static_cast<ssize_t>(text.size()));
    return text;
  }

  std::atomic<bool> paused_ = false;
  base::Loop loop_;
  nostr::NetThread net_;
  std::unique_ptr<Dashboard> dashboard_;
  std::thread thread_;
};

TEST_F(DashboardServer, ServesItsPageUnderAPolicyThatLetsNothingElseIn) {
  const std::string page = get("/", own());
  EXPECT_NE(page.find(" 200 "), std::string::npos) << page;
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(page.find("<title>sovereign"), std::string::npos);
  EXPECT_TRUE(page.contains("/page.js"));
  EXPECT_FALSE(page.contains("https://")) << "nothing from elsewhere";
  const std::string script = get("/page.js", own());
  EXPECT_TRUE(script.contains("text/javascript"));
  EXPECT_FALSE(script.contains("innerHTML"));
  EXPECT_FALSE(script.contains("https://"));
  EXPECT_TRUE(get("/config.toml", own()).contains(" 404 "));
}

TEST_F(DashboardServer, ANameThatIsNotItsOwnIsTurnedAway) {
  EXPECT_TRUE(get("/", "evil.example").contains(" 421 "));
  EXPECT_TRUE(get("/", "evil.example:" + std::to_string(dashboard_->port())).contains(" 421 "));
  EXPECT_TRUE(get("/", own(), "Origin: http://evil.example\r\n").contains(" 421 "));
  EXPECT_EQ(upgrade("evil.example", "http://evil.example"), -1);
  EXPECT_EQ(upgrade(own(), "http://evil.example"), -1);
  EXPECT_EQ(upgrade(own(), ""), -1);
}

TEST_F(DashboardServer, MetricsAreForTheBearerOfTheToken) {
  EXPECT_TRUE(get("/metrics", own()).contains(" 401 "));
  EXPECT_TRUE(get("/metrics", own(), "Authorization: Bearer wrong\r\n").contains(" 401 "));
  const std::string good = get("/metrics", own(), std::string("Authorization: Bearer ") + kToken + "\r\n");
  EXPECT_TRUE(good.contains("build_info 1")) << good;
}

TEST_F(DashboardServer, TellsNothingBeforeTheToken) {
  const int fd = upgrade(own(), "http://" + own());
  ASSERT_GE(fd, 0);
  say(fd, R"({"ask":"pause"})");
  EXPECT_EQ(hear(fd), R"({"type":"denied"})");
  EXPECT_EQ(hear(fd), "") << "and hangs up";
  EXPECT_FALSE(paused_);
  ::close(fd);
}

TEST_F(DashboardServer, WithTheTokenItTellsAnswersAndPausesAndNothingElse) {
  const int fd = upgrade(own(), "http://" + own());
  ASSERT_GE(fd, 0);
  say(fd, std::string(R"({"token":")") + kToken + "\"}");
  EXPECT_EQ(hear(fd), R"({"doing":"idle","type":"now"})");
  say(fd, R"({"ask":"session","d":"s"})");
  EXPECT_EQ(hear(fd), R"({"d":"s","type":"session"})");
  for (const char* act : {"resume", "approve", "deny", "budget-set"}) {
    say(fd, std::string(R"({"ask":")") + act + "\"}");
    EXPECT_EQ(hear(fd), R"({"text":"unknown question","type":"error"})") << act;
  }
  say(fd, R"({"ask":"pause"})");
  EXPECT_EQ(hear(fd), R"({"doing":"paused: x","type":"now"})");
  EXPECT_TRUE(paused_);
  ::close(fd);
}

TEST(DashboardAddress, IsLoopbackOrNone) {
  EXPECT_EQ(parse_dashboard_address("127.0.0.1:7788")->port, 7788);
  EXPECT_EQ(parse_dashboard_address("[::1]:0")->address, "::1");
  for (const char* text : {"0.0.0.0:80", "192.168.1.2:80", "localhost", "127.0.0.1:", "127.0.0.1:99999", "example.org:80", ""})
    EXPECT_FALSE(parse_dashboard_address(text).has_value()) << text;
}

TEST(DashboardToken, IsMadeOnceAndKeptFromOthers) {
  const testing::TempDir dir;
  const Home home = Home::locate(dir.path().string());
  base::SystemRng rng;
  const auto token = dashboard_token(home, rng);
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(*dashboard_token(home, rng), *token);
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(home.dashboard_token_file()).permissions()) & 0777U, 0600U);
  std::filesystem::permissions(home.dashboard_token_file(), std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_FALSE(dashboard_token(home, rng).has_value());
}

nostr::RelayStatus relay(nostr::RelayState state) {
  return {.url = "wss://a.example", .state = state};
}

TEST(RelayTimeline, AMinuteIsAsBadAsItsWorstMoment) {
  RelayTimeline line;
  line.sample({relay(nostr::RelayState::kOpen)}, base::unix_time(6'000));
  line.sample({relay(nostr::RelayState::kBackingOff)}, base::unix_time(6'059));
  line.sample({relay(nostr::RelayState::kOpen)}, base::unix_time(6'060));
  line.sample({relay(nostr::RelayState::kOpen)}, base::unix_time(6'240));
  EXPECT_EQ(line.view()["relays"][0]["line"], "xo..o");
}

TEST(RelayTimeline, KeepsADayAndForgetsWhatIsNotUsed) {
  RelayTimeline line;
  line.sample({relay(nostr::RelayState::kOpen)}, base::unix_time(0));
  line.sample({relay(nostr::RelayState::kOpen)}, base::unix_time(60));
  line.sample({}, base::unix_time(86'400));
  EXPECT_EQ(line.view()["relays"][0]["line"].get<std::string>().size(), RelayTimeline::kMinutes);
  line.sample({}, base::unix_time(3 * 86'400));
  EXPECT_TRUE(line.view()["relays"].empty());
}

TEST(Spending, IsToldByDayWithTheEmptyOnes) {
  const auto db = *storage::open_database(":memory:");
  storage::Budgets budgets(*db);
  const auto spend = [&](const char* key, std::int64_t msat, std::int64_t at) {
    const auto row = budgets.reserve({.key = key, .purpose = "model-call", .amount = {msat},
                                      .scopes = {{.key = "node", .limit = std::nullopt, .window = storage::Window::kDay}}},
                                     base::unix_time(at));
    ASSERT_TRUE(row.has_value());
    ASSERT_TRUE(budgets.settle(row->id, {msat}, base::unix_time(at)).has_value());
  };
  spend("a", 700, 10 * 86'400);
  spend("b", 300, 12 * 86'400 + 5);
  const Value days = *spend_view(*db, base::unix_time(12 * 86'400 + 9), 3);
  EXPECT_EQ(days, (Value{{{"day", 864'000}, {"msat", 700}}, {{"day", 950'400}, {"msat", 0}}, {{"day", 1'036'800}, {"msat", 300}}}));
}

TEST(Metrics, AreInPrometheusFormWithLabelsEscaped) {
  const Value status = {{"role", "node"},
                        {"relays", {{{"url", "wss://a\"b"}, {"connected", true}, {"connections", 3}, {"events", 7}}}},
                        {"cosigners", {{{"idx", 2}, {"online", true}, {"nonces", 40}}}},
                        {"budget", {{"day_limit_msat", 1'000}, {"day_spent_msat", 300}, {"day_reserved_msat", 100}}},
                        {"outbox", {{"open", 2}, {"done", 5}}},
                        {"pace", {{"node", {{"actions_in_window", 4}, {"total_actions", 9}, {"failed_actions", 2}, {"tools", {{"bash", {{"p95_ms", 31}}}}}}}}}};
  const std::string text = metrics_text(status, base::unix_time(100));
  for (const char* line : {"relay_up{relay=\"wss://a\\\"b\"} 1\n", "relay_reconnects_total{relay=\"wss://a\\\"b\"} 2\n",
                           "frost_nonces_available{peer=\"2\"} 40\n", "frost_peers_online 1\n", "outbox_depth 2\n",
                           "agent_actions_last_minute 4\n", "agent_actions_total{result=\"ok\"} 7\n",
                           "tool_call_p95_milliseconds{tool=\"bash\"} 31\n", "budget_remaining_msat{scope=\"day\"} 600\n", "outbox_kept{state=\"done\"} 5\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

}  // namespace
}  // namespace node
