// What a service manager is told.
#include "node/service_manager.h"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

TEST(ServiceManager, HearsOneDatagramPerState) {
  const testing::TempDir dir;
  const std::string path = (dir / "notify").string();
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_TRUE(tell_service_manager("READY=1"));
  char text[64];
  const ssize_t n = ::recv(fd, text, sizeof text, 0);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(n)), "READY=1");
  ::close(fd);
  EXPECT_FALSE(tell_service_manager("READY=1")) << "nobody listens any more";
  ::unsetenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
  EXPECT_FALSE(tell_service_manager("READY=1"));
}

TEST(ServiceManager, WatchdogIsFedTwicePerPeriod) {
  ::unsetenv("WATCHDOG_USEC");  // NOLINT(concurrency-mt-unsafe)
  EXPECT_FALSE(watchdog_period().has_value());
  ::setenv("WATCHDOG_USEC", "60000000", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(watchdog_period(), std::chrono::seconds{30});
  ::setenv("WATCHDOG_USEC", "soon", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_FALSE(watchdog_period().has_value());
  ::unsetenv("WATCHDOG_USEC");  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace
}  // namespace node
