// Slots for secrets: zero when taken, wiped when given back, one owner at a time, kept out of dumps.
#include "nostr/base/locked_memory.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "nostr/base/secret.h"

namespace base {
namespace {

/// The sanitizers' runtimes let mlock() do nothing.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kLocks = false;
#else
constexpr bool kLocks = true;
#endif

/// The flags the kernel keeps for the mapping of `slot`, e.g. "rd wr lo dd".
std::string flags_of(const std::uint8_t* slot) {
  std::ifstream maps("/proc/self/smaps");
  const auto address = reinterpret_cast<std::uintptr_t>(slot);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2)
      inside = begin <= address && address < end;
    else if (inside && line.starts_with("VmFlags:"))
      return line;
  }
  return "";
}

TEST(LockedMemory, ASlotIsZeroAlignedAndStaysOutOfCoreDumps) {
  for (const std::size_t size : {1UL, 32UL, 33UL, 96UL, kMaxLockedSlot}) {
    std::uint8_t* slot = take_locked_slot(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slot) % 16, 0U);
    EXPECT_TRUE(std::ranges::all_of(std::span(slot, size), [](auto byte) { return byte == 0; }));
    EXPECT_TRUE(flags_of(slot).contains(" dd")) << flags_of(slot);
    if (kLocks && locked_memory().unlocked == 0) EXPECT_TRUE(flags_of(slot).contains(" lo")) << flags_of(slot);
    std::fill_n(slot, size, 0xaa);
    give_locked_slot(slot, size);
  }
  std::uint8_t* again = take_locked_slot(32);
  EXPECT_TRUE(std::ranges::all_of(std::span(again, 32), [](auto byte) { return byte == 0; }));
  give_locked_slot(again, 32);
}

TEST(LockedMemory, NoTwoOwnersShareASlotWhicheverThreadGivesItBack) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kEach = 500;
  std::vector<std::vector<Secret<32>>> made(kThreads);
  const auto in_parallel = [&](const auto& work) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back([&, i] { work(i); });
  };
  in_parallel([&](std::size_t i) {
    for (std::size_t k = 0; k < kEach; ++k) {
      made[i].emplace_back();
      std::ranges::fill(made[i].back().expose_mutable(), static_cast<std::uint8_t>(i + 1));
    }
  });
  std::set<const std::uint8_t*> addresses;
  for (std::size_t i = 0; i < kThreads; ++i)
    for (const Secret<32>& secret : made[i]) {
      addresses.insert(secret.expose().data());
      EXPECT_EQ(secret.expose()[31], i + 1);
    }
  EXPECT_EQ(addresses.size(), kThreads * kEach);
  in_parallel([&](std::size_t i) { made[(i + 1) % kThreads].clear(); });
  const std::size_t before = locked_memory().bytes;
  in_parallel([&](std::size_t i) { made[i].resize(kEach / 2); });
  EXPECT_EQ(locked_memory().bytes, before) << "what was given back is used again";
}

TEST(LockedMemory, MovesTheSlotAndLeavesZeroBehind) {
  Secret<32> first;
  first.expose_mutable()[0] = 7;
  const std::uint8_t* place = first.expose().data();
  Secret<32> second = std::move(first);
  EXPECT_EQ(second.expose().data(), place);
  EXPECT_EQ(first.expose()[0], 0);
  first.expose_mutable()[0] = 9;  // usable again
  second = std::move(first);
  EXPECT_EQ(second.expose()[0], 9);
  EXPECT_EQ(second.clone().expose()[0], 9);
}

/// Runs `work` in a child and gives its exit code, or minus the signal that ended it.
int in_child(const auto& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(LockedMemory, WhereNothingMayBeLockedItWorksAndSaysSo) {
  if (!kLocks) GTEST_SKIP() << "nothing is locked under a sanitizer";
  EXPECT_EQ(in_child([] {
              const rlimit none{0, 0};
              ::setrlimit(RLIMIT_MEMLOCK, &none);
              // Root may lock what it likes.
              if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return 2;
              std::vector<Secret<128>> many(1000);
              for (Secret<128>& secret : many) secret.expose_mutable()[0] = 1;
              const LockedMemory state = locked_memory();
              return state.unlocked > 0 && !state.why.empty() ? 0 : 1;
            }),
            0);
}

TEST(LockedMemory, RunningOffTheEndOfAnArenaTraps) {
  if (!kLocks) GTEST_SKIP() << "a sanitizer ends the process in its own way";
  EXPECT_EQ(in_child([] {
              const rlimit none{0, 0};
              ::setrlimit(RLIMIT_CORE, &none);
              std::uint8_t* slot = take_locked_slot(kMaxLockedSlot);
              for (std::size_t i = 0; i < 1 << 20; ++i) slot[i] = 1;
              return 0;
            }),
            -SIGSEGV);
}

}  // namespace
}  // namespace base
