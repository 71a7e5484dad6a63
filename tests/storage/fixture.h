// What storage tests share: a database in a directory of its own, events without signatures, and a
// child process that may be killed.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "nostr/crypto/hash.h"
#include "nostr/event/event.h"
#include "storage/schema.h"

namespace storage::testing {

using base::unix_time;

/// Fails the test with the error's words unless `result` holds a value, and hands the value out.
template <class T>
T must(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << base::errc_name(result.error().code) << ": " << result.error().detail;
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

template <class T>
base::Errc errc_of(const base::Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? base::Errc::kInternal : result.error().code;
}

/// 32 bytes that depend on a word: ids, keys and digests of tests.
template <class Fixed>
Fixed named(std::string_view word) {
  return Fixed(nostr::sha256(word).array());
}

inline nostr::Event make_event(std::string_view author, nostr::Kind kind, std::int64_t at,
                               nostr::Tags tags = {}, std::string content = "") {
  nostr::Event event;
  event.pubkey = named<nostr::PublicKey>(author);
  event.kind = kind;
  event.created_at = unix_time(at);
  event.tags = std::move(tags);
  event.content = std::move(content);
  event.id = nostr::compute_id(event);
  return event;
}

/// A directory that goes with the object, and the database in it.
class TempHome {
 public:
  TempHome() {
    std::string pattern = std::filesystem::temp_directory_path() / "sovereign-test-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
  }
  ~TempHome() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  TempHome(const TempHome&) = delete;
  TempHome& operator=(const TempHome&) = delete;

  std::string path(std::string_view name = "sovereign.db") const { return directory_ / name; }
  std::unique_ptr<Db> open() const { return must(open_database(path())); }

 private:
  std::filesystem::path directory_;
};

/// A test on a fresh database file.
class StorageTest : public ::testing::Test {
 protected:
  StorageTest() : db_(home_.open()) {}
  void reopen() {
    db_.reset();
    db_ = home_.open();
  }

  TempHome home_;
  std::unique_ptr<Db> db_;
};

/// Runs `work` in a forked child that ends at once afterwards; returns how it ended. The parent must
/// hold no database of the same home.
inline int run_in_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

inline bool was_killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

}  // namespace storage::testing
