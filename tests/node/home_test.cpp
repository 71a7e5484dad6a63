// Homes and key files: where things lie, and who may read them.
#include "node/home.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "node/key_file.h"
#include "nostr/nips/nip19.h"
#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

using testing::TempDir;
namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions()) & 0777u;
}

template <class T>
base::Errc errc_of(const base::Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? base::Errc::kInternal : result.error().code;
}

TEST(Home, OneFolderHoldsEverything) {
  const Home home = Home::locate("/srv/agent");
  EXPECT_EQ(home.config_file(), "/srv/agent/config.toml");
  EXPECT_EQ(home.database(), "/srv/agent/sovereign.db");
  EXPECT_EQ(home.control_socket(), "/srv/agent/control.sock");
}

TEST(Home, RelativeFolderBecomesAbsolute) {
  EXPECT_TRUE(Home::locate("agent").config_dir.is_absolute());
}

TEST(Home, NewFoldersAreForTheOwnerOnly) {
  const TempDir dir;
  const Home home = Home::locate((dir / "a/b").string());
  ASSERT_TRUE(home.ensure().has_value());
  EXPECT_EQ(mode_of(dir / "a/b"), 0700u);
  EXPECT_TRUE(home.ensure().has_value());
}

TEST(Files, AreReadWithinBoundsAndWrittenWhole) {
  const TempDir dir;
  EXPECT_EQ(errc_of(read_file(dir / "none")), base::Errc::kNotFound);
  ASSERT_TRUE(write_file(dir / "f", "twelve bytes", 0640).has_value());
  EXPECT_EQ(mode_of(dir / "f"), 0640u);
  EXPECT_EQ(*read_file(dir / "f"), "twelve bytes");
  EXPECT_EQ(*read_file(dir / "f", 12), "twelve bytes");
  EXPECT_EQ(errc_of(read_file(dir / "f", 11)), base::Errc::kLimit);
  ASSERT_TRUE(write_file(dir / "f", "less", 0600).has_value());
  EXPECT_EQ(*read_file(dir / "f"), "less");
  EXPECT_EQ(mode_of(dir / "f"), 0600u);
  EXPECT_FALSE(fs::exists(dir / "f.new"));
  EXPECT_EQ(errc_of(write_file(dir / "no/such/folder", "x")), base::Errc::kIo);
}

TEST(Files, SecretsOthersCanReadAreRefused) {
  const TempDir dir;
  for (const unsigned mode : {0640u, 0604u, 0620u}) {
    ASSERT_TRUE(write_file(dir / "s", "secret", mode).has_value());
    const auto text = read_secret_file(dir / "s");
    EXPECT_EQ(errc_of(text), base::Errc::kDenied);
    EXPECT_EQ(text.error().detail.find("secret\n"), std::string::npos);
    EXPECT_NE(text.error().hint.find("chmod 600"), std::string::npos);
  }
  ASSERT_TRUE(write_file(dir / "s", "secret", 0600).has_value());
  EXPECT_EQ(*read_secret_file(dir / "s"), "secret");
}

TEST(KeyFile, SavesAndLoadsForTheOwnerOnly) {
  const TempDir dir;
  base::SeededRng rng(1);
  const nostr::SecretKey key = nostr::SecretKey::generate(rng);
  ASSERT_TRUE(save_key_file(dir / "k", key).has_value());
  EXPECT_EQ(mode_of(dir / "k"), 0600u);
  EXPECT_EQ(load_key_file(dir / "k")->public_key(), key.public_key());
}

TEST(KeyFile, ReadsHexAndNsecWithWhiteSpace) {
  const TempDir dir;
  base::SeededRng rng(1);
  const nostr::SecretKey key = nostr::SecretKey::generate(rng);
  for (const std::string& text : {base::hex_encode(key.expose()), nostr::encode_nsec(key)}) {
    ASSERT_TRUE(write_file(dir / "k", "  " + text + " \r\n", 0600).has_value());
    auto loaded = load_key_file(dir / "k");
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ(loaded->public_key(), key.public_key());
  }
}

TEST(KeyFile, GarbageIsNamedButNotEchoed) {
  const TempDir dir;
  for (const char* text :
       {"", "hunter2", "0000000000000000000000000000000000000000000000000000000000000000",
        "npub1qqqq"}) {
    ASSERT_TRUE(write_file(dir / "k", text, 0600).has_value());
    const auto key = load_key_file(dir / "k");
    EXPECT_EQ(errc_of(key), base::Errc::kInvalid);
    EXPECT_NE(key.error().detail.find((dir / "k").string()), std::string::npos);
    if (*text) {
      EXPECT_EQ(key.error().detail.find(text), std::string::npos);
    }
  }
}

TEST(KeyFile, IsMadeOnceAndKept) {
  const TempDir dir;
  base::SeededRng rng(1);
  const auto first = load_or_create_key_file(dir / "k", rng);
  const auto second = load_or_create_key_file(dir / "k", rng);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->public_key(), second->public_key());
  ASSERT_TRUE(write_file(dir / "k", "broken", 0600).has_value());
  EXPECT_EQ(errc_of(load_or_create_key_file(dir / "k", rng)), base::Errc::kInvalid);
  EXPECT_EQ(*read_file(dir / "k"), "broken");
}

}  // namespace
}  // namespace node
