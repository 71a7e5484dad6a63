// A home in one file: what comes back, what does not, and who cannot open or bend it.
#include "node/backup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "node/config.h"
#include "node/identity.h"
#include "node/pause.h"
#include "node/sealed_archive.h"
#include "storage/nonces.h"
#include "storage/kv.h"
#include "storage/schema.h"
#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::json::Value;

constexpr base::UnixTime kNow = base::unix_time(1'760'000'000);
constexpr std::string_view kPhrase = "correct horse";

template <class T>
T must(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().detail;
    std::abort();
  }
  return *std::move(result);
}

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() : home_(Home::locate((dir_.path() / "agent").string())) {
    EXPECT_TRUE(home_.ensure().has_value());
    write(home_.config_file(), "[agent]\nname = \"Scout\"\n");
    write(home_.node_key_file(), std::string(64, '7') + "\n");
    fs::create_directory(home_.config_dir / "agents");
    write(home_.config_dir / "agents/reviewer.toml", "purpose = \"x\"\nprompt = \"y\"\n");
    write(home_.dashboard_token_file(), "token");
    write(home_.config_dir / "big.bin", std::string(200'000, 'b'));
    db_ = must(storage::open_database(home_.database().string()));
    storage::NonceLedger nonces(*db_);
    EXPECT_TRUE(nonces.add(storage::NonceSide::kIssued, 1, {"aa", "bb"}, kNow).has_value());
    EXPECT_TRUE(next_lease(*db_, key_, rng_).has_value());
  }
  static void write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  }
  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Home fresh(const std::string& name) const { return Home::locate((dir_.path() / name).string()); }
  /// Made while the process of the home has its database open.
  fs::path backup() {
    const fs::path file = dir_.path() / ("b" + std::to_string(++made_));
    EXPECT_TRUE(make_backup(home_, file, kPhrase, rng_, kNow).has_value());
    return file;
  }
  base::Error refusal(const fs::path& file, std::string_view phrase = kPhrase) {
    const Home home = fresh("refused" + std::to_string(++made_));
    const auto restored = restore_backup(file, home, phrase, kNow);
    EXPECT_FALSE(restored.has_value());
    EXPECT_FALSE(fs::exists(home.config_file()));
    EXPECT_FALSE(fs::exists(home.database()));
    EXPECT_FALSE(fs::exists(home.config_dir / ".restoring"));
    return restored ? base::Error{} : restored.error();
  }

  testing::TempDir dir_;
  Home home_;
  base::SystemRng rng_;
  nostr::SecretKey key_ = nostr::SecretKey::generate(rng_);
  std::unique_ptr<storage::Db> db_;
  int made_ = 0;
};

TEST_F(BackupTest, EverythingComesBackButTheTokenAndWhatWasOpen) {
  const fs::path file = backup();
  EXPECT_EQ(fs::status(file).permissions() & fs::perms::mask, fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_FALSE(read(file).contains("Scout"));
  const Home home = fresh("copy");
  const Value restored = must(restore_backup(file, home, kPhrase, kNow));
  EXPECT_EQ(read(home.config_file()), read(home_.config_file()));
  EXPECT_EQ(read(home.config_dir / "agents/reviewer.toml"), read(home_.config_dir / "agents/reviewer.toml"));
  EXPECT_EQ(read(home.config_dir / "big.bin").size(), 200'000u);
  EXPECT_EQ(fs::status(home.node_key_file()).permissions() & fs::perms::mask,
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_FALSE(fs::exists(home.dashboard_token_file()));
  EXPECT_EQ(restored.at("closed").at("nonces"), 2);
  EXPECT_TRUE(PauseSwitch(home).reason().value_or("").contains("restored from a backup of")) << "until the operator looked";

  const auto db = must(storage::open_database(home.database().string()));
  storage::NonceLedger nonces(*db);
  const auto spent = nonces.mark_spent(storage::NonceSide::kIssued, 1, "aa", "s", "h", kNow);
  ASSERT_FALSE(spent.has_value()) << "a nonce of before never signs";
  EXPECT_EQ(spent.error().code, Errc::kConflict);
  // The original goes on with its own.
  EXPECT_TRUE(storage::NonceLedger(*db_).mark_spent(storage::NonceSide::kIssued, 1, "aa", "s", "h", kNow).has_value());
}

TEST_F(BackupTest, AHomeInAnotherFolderFindsItsOwnFiles) {
  write(home_.config_file(), fmt::format("[node]\nkey_file = \"{}\"\n", home_.node_key_file().string()));
  const fs::path file = backup();
  const Home home = fresh("copy");
  must(restore_backup(file, home, kPhrase, kNow));
  EXPECT_EQ(read(home.config_file()), "[node]\nkey_file = \"node.key\"\n");
  EXPECT_EQ(must(load_config(home)).node.key_file, home.node_key_file().string());
}

TEST_F(BackupTest, ACopyIsAnotherHomeToTheCosigners) {
  const fs::path file = backup();
  const Home home = fresh("copy");
  must(restore_backup(file, home, kPhrase, kNow));
  const auto db = must(storage::open_database(home.database().string()));
  const auto original = must(next_lease(*db_, key_, rng_));
  const auto copy = must(next_lease(*db, key_, rng_));
  EXPECT_NE(copy.home, original.home);
}

TEST_F(BackupTest, AHomeIsNeverOverwritten) {
  const fs::path file = backup();
  const auto restored = restore_backup(file, home_, kPhrase, kNow);
  ASSERT_FALSE(restored.has_value());
  EXPECT_EQ(restored.error().code, Errc::kConflict);
  const auto again = make_backup(home_, file, kPhrase, rng_, kNow);
  ASSERT_FALSE(again.has_value()) << "nor is a backup";
}

TEST_F(BackupTest, AnotherPassphraseACutAndAChangedByteAreToldApart) {
  const fs::path file = backup();
  EXPECT_TRUE(refusal(file, "battery staple").detail.contains("passphrase"));
  const std::string whole = read(file);
  for (const std::size_t cut : {whole.size() - 1, whole.size() / 2, std::size_t{70'000}, std::size_t{150}}) {
    write(file, whole.substr(0, cut));
    const base::Error error = refusal(file);
    EXPECT_EQ(error.code, Errc::kCrypto) << cut << ": " << error.detail;
  }
  for (const std::size_t at : {std::size_t{200}, whole.size() / 2, whole.size() - 3}) {
    std::string bent = whole;
    bent[at] = static_cast<char>(bent[at] ^ 1);
    write(file, bent);
    EXPECT_NE(refusal(file).detail, "") << at;
  }
  // A whole chunk left out.
  const std::size_t head = whole.find('\n') + 1;
  const std::size_t chunk = 4 + 65'536 + 16;
  write(file, whole.substr(0, head) + whole.substr(head + chunk));
  EXPECT_EQ(refusal(file).code, Errc::kCrypto);
  write(file, "not one of ours\n");
  EXPECT_TRUE(refusal(file).detail.contains("no backup of ours"));
}

TEST_F(BackupTest, WithoutAPassphraseOrAHomeThereIsNone) {
  EXPECT_EQ(make_backup(home_, dir_.path() / "x", "", rng_, kNow).error().code, Errc::kInvalid);
  EXPECT_EQ(make_backup(fresh("nothing"), dir_.path() / "x", kPhrase, rng_, kNow).error().code, Errc::kNotFound);
  EXPECT_FALSE(fs::exists(dir_.path() / "x"));
}

TEST_F(BackupTest, ACosignersHomeIsKnownAsOneAndNotPaused) {
  const Home guard = fresh("guard");
  ASSERT_TRUE(guard.ensure().has_value());
  write(guard.policy_file(), "level = \"bounded\"\n");
  const fs::path file = dir_.path() / "guard.backup";
  EXPECT_EQ(must(make_backup(guard, file, kPhrase, rng_, kNow)).at("role"), "cosigner");
  const Home home = fresh("guard2");
  EXPECT_EQ(must(restore_backup(file, home, kPhrase, kNow)).at("role"), "cosigner");
  EXPECT_EQ(read(home.policy_file()), "level = \"bounded\"\n");
  EXPECT_FALSE(PauseSwitch(home).reason());
}

}  // namespace
}  // namespace node
