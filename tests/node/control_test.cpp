// The control socket: requests of every shape, many at once, and both sides dying.
#include "node/control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

using base::Errc;
using base::json::Value;
using testing::TempDir;
namespace fs = std::filesystem;

constexpr std::chrono::seconds kLimit{20};

base::Task<base::Result<Value>> answer(std::string method, Value params) {
  if (method == "echo") co_return params;
  if (method == "large") co_return Value(std::string(3'000'000, 'x'));
  co_return base::fail(Errc::kUnsupported, "no method \"" + method + "\"", "try echo");
}

base::Task<base::Result<std::unique_ptr<ControlServer>>> listen_on(base::Loop* loop,
                                                                   fs::path path) {
  co_return ControlServer::listen(*loop, std::move(path), [](std::string method, Value params) {
    return answer(std::move(method), std::move(params));
  });
}

base::Task<void> stop(ControlServer* server) {
  co_await server->stop();
}

/// The server on a thread of its own, so that clients may block.
class Control : public ::testing::Test {
 protected:
  Control() {
    auto server = loop_.run_until_complete(listen_on(&loop_, socket()));
    EXPECT_TRUE(server.has_value());
    server_ = *std::move(server);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Control() override { end(); }
  void end() {
    if (!thread_.joinable()) return;
    loop_.post([this] { loop_.stop(); });  // the thread may not have begun to run it yet
    thread_.join();
    loop_.run_until_complete(stop(server_.get()));
  }
  fs::path socket() const { return dir_ / "c.sock"; }

  /// Sends bytes as they are; everything that comes back until the server hangs up or one line is
  /// in.
  std::string raw(const std::string& bytes) const {
    const int fd = connect_raw();
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    std::string reply;
    char chunk[4096];
    while (reply.find('\n') == std::string::npos) {
      const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
      if (n <= 0) break;
      reply.append(chunk, static_cast<std::size_t>(n));
    }
    ::close(fd);
    return reply;
  }
  int connect_raw() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket().c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  base::Result<Value> call(const std::string& method, const Value& params = Value::object()) const {
    return control_call(socket(), method, params, kLimit);
  }

  TempDir dir_;
  base::Loop loop_;
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
};

TEST_F(Control, AnswersAndKeepsTheSocketToTheOwner) {
  EXPECT_EQ(*call("echo", {{"a", "\u00e9\n"}}), (Value{{"a", "\u00e9\n"}}));
  EXPECT_EQ(static_cast<unsigned>(fs::status(socket()).permissions()) & 0777u, 0600u);
}

TEST_F(Control, ErrorsCrossWithCodeDetailAndHint) {
  const auto result = call("fly");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Errc::kUnsupported);
  EXPECT_EQ(result.error().detail, "no method \"fly\"");
  EXPECT_EQ(result.error().hint, "try echo");
}

TEST_F(Control, LargeAnswersArriveWhole) {
  EXPECT_EQ(call("large")->get<std::string>().size(), 3'000'000u);
}

TEST_F(Control, MalformedRequestsGetAnErrorAndHarmNobody) {
  for (const char* line :
       {"", "null", "[]", "\"x\"", "{", "{}", "{\"method\":5}", "{\"method\":\"echo\"", "\xff\xfe",
        "{\"method\":\"a\",\"method\":\"echo\"}"}) {
    const std::string reply = raw(std::string(line) + "\n");
    const auto value = base::json::parse(reply.substr(0, reply.find('\n')));
    ASSERT_TRUE(value.has_value()) << line;
    EXPECT_TRUE(value->contains("error")) << line;
  }
  EXPECT_TRUE(call("echo").has_value());
}

TEST_F(Control, OversizedRequestIsRefusedInWords) {
  const std::string reply = raw(std::string(300 * 1024, 'x'));
  EXPECT_NE(reply.find("262144"), std::string::npos);
  EXPECT_TRUE(call("echo").has_value());
}

TEST_F(Control, OneConnectionMayAskTwice) {
  const int fd = connect_raw();
  const std::string two =
      "{\"method\":\"echo\",\"params\":1}\n{\"method\":\"echo\",\"params\":2}\n";
  EXPECT_EQ(::send(fd, two.data(), two.size(), MSG_NOSIGNAL), static_cast<ssize_t>(two.size()));
  std::string reply;
  char chunk[256];
  while (std::count(reply.begin(), reply.end(), '\n') < 2) {
    const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
    ASSERT_GT(n, 0);
    reply.append(chunk, static_cast<std::size_t>(n));
  }
  ::close(fd);
  EXPECT_EQ(reply, "{\"result\":1}\n{\"result\":2}\n");
}

TEST_F(Control, ManyClientsAtOnce) {
  std::vector<std::thread> clients;
  std::atomic<int> right = 0;
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        const Value params = {{"client", i}, {"round", round}};
        const auto reply = call("echo", params);
        if (reply && *reply == params) ++right;
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 320);
}

TEST_F(Control, ClientThatLeavesInTheMiddleHarmsNobody) {
  for (int i = 0; i < 100; ++i) {
    const int fd = connect_raw();
    EXPECT_GT(::send(fd, "{\"method\"", 9, MSG_NOSIGNAL), 0);
    ::close(fd);
  }
  EXPECT_TRUE(call("echo").has_value());
}

TEST_F(Control, StoppedServerIsNotRunning) {
  end();
  EXPECT_FALSE(fs::exists(socket()));
  const auto result = call("echo");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Errc::kUnavailable);
}

TEST(ControlSocket, StaleFileIsReplacedAndTooLongAPathRefused) {
  const TempDir dir;
  base::Loop loop;
  const fs::path path = dir / "c.sock";
  {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"),
                                                         &std::fclose);
  }
  auto server = loop.run_until_complete(listen_on(&loop, path));
  ASSERT_TRUE(server.has_value());
  loop.run_until_complete(stop(server->get()));
  const auto refused = loop.run_until_complete(listen_on(&loop, dir / std::string(200, 'x')));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kIo);
}

}  // namespace
}  // namespace node
