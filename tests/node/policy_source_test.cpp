// The policy file as a running co-signer sees it, anchors, and the cap on what strangers cause.
#include "node/policy_source.h"

#include <gtest/gtest.h>

#include "node/audit_anchor.h"
#include "node/home.h"
#include "node/hourly_cap.h"
#include "nostr/event/event_json.h"
#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

using base::unix_time;
using testing::TempDir;

TEST(PolicySource, NoticesAChangeOnceTheFileKeepsStill) {
  const TempDir dir;
  const auto path = dir / "policy.toml";
  ASSERT_TRUE(write_file(path, "quorum = 1\n"));
  PolicySource source(path);
  const auto first = source.load();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->hash, nostr::sha256(std::string_view("quorum = 1\n")));
  EXPECT_FALSE(source.has_changed());
  ASSERT_TRUE(write_file(path, "quorum = 1 # still\n"));
  EXPECT_FALSE(source.has_changed()) << "it may still be written to";
  EXPECT_TRUE(source.has_changed());
  EXPECT_TRUE(source.load().has_value());
  EXPECT_FALSE(source.has_changed());
}

TEST(PolicySource, AMistakeIsReportedOnceAndAVanishedFileToo) {
  const TempDir dir;
  const auto path = dir / "policy.toml";
  ASSERT_TRUE(write_file(path, "quorum = 1\n"));
  PolicySource source(path);
  ASSERT_TRUE(source.load().has_value());
  ASSERT_TRUE(write_file(path, "quorm = 12\n"));
  source.has_changed();
  ASSERT_TRUE(source.has_changed());
  EXPECT_FALSE(source.load().has_value());
  EXPECT_FALSE(source.has_changed()) << "the same mistake is not read again";
  std::filesystem::remove(path);
  source.has_changed();
  EXPECT_TRUE(source.has_changed());
  EXPECT_EQ(source.load().error().code, base::Errc::kNotFound);
}

TEST(AuditAnchor, IsTheSignersWordAboutAPlaceInTheChain) {
  base::SeededRng rng(7);
  const auto service = nostr::SecretKey::generate(rng);
  const auto other = nostr::SecretKey::generate(rng);
  const storage::AuditHead head{12, nostr::sha256(std::string_view("row"))};
  const auto event = sign_anchor(head, other.public_key(), service, unix_time(1'760'000'000), rng);
  const std::string json = nostr::to_json(event);
  EXPECT_EQ(*read_anchor(json, service.public_key()), head);
  EXPECT_FALSE(read_anchor(json, other.public_key()).has_value());
  auto forged = event;
  forged.content = R"({"v":1,"seq":3,"hash":")" + head.hash.hex() + "\"}";
  EXPECT_FALSE(read_anchor(nostr::to_json(forged), service.public_key()).has_value());
  EXPECT_EQ(*read_anchor(R"({"seq":12,"hash":")" + head.hash.hex() + "\"}", service.public_key()),
            head);
  for (const char* bad : {"", "[]", R"({"seq":0,"hash":"00"})", R"({"seq":1})"})
    EXPECT_FALSE(read_anchor(bad, std::nullopt).has_value()) << bad;
}

TEST(AuditAnchor, IsDueAfterRowsOrTime) {
  const base::UnixTime now = unix_time(10'000);
  const storage::AuditAnchor last{{100, {}}, now, ""};
  EXPECT_FALSE(anchor_due({100, {}}, last, now + std::chrono::hours{9}));
  EXPECT_FALSE(anchor_due({101, {}}, last, now + std::chrono::seconds{3'599}));
  EXPECT_TRUE(anchor_due({101, {}}, last, now + std::chrono::seconds{3'600}));
  EXPECT_FALSE(anchor_due({355, {}}, last, now));
  EXPECT_TRUE(anchor_due({356, {}}, last, now));
}

TEST(HourlyCap, TakesSoManyAnHourAndTellsOnce) {
  HourlyCap cap(2);
  const auto now = unix_time(50'000);
  EXPECT_TRUE(cap.take(now));
  EXPECT_TRUE(cap.take(now + std::chrono::seconds{3'599}));
  EXPECT_FALSE(cap.take(now + std::chrono::seconds{3'599}));
  EXPECT_TRUE(cap.should_tell());
  EXPECT_FALSE(cap.should_tell());
  EXPECT_TRUE(cap.take(now + std::chrono::seconds{3'600}));
}

}  // namespace
}  // namespace node
