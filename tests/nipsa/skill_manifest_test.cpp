// 33400 and 33401: what a skill is, which bytes it is, and its log.
#include "nostr/event/event_json.h"
#include "tests/nipsa/skill_fixture.h"

namespace {

using namespace nipsa_test;

std::string parsed(const nostr::Event& e) { return outcome(nipsa::parse_manifest(e)); }
nostr::Event changed(std::string_view name, const nostr::Tags& tags) {
  return with(echo_event(), name, tags, publisher());
}
nostr::Event entry_event(std::string_view prev = "") {
  base::SeededRng rng(1);
  return sign(
      nipsa::build_version_entry(echo_event(), nipsa::ChangeType::kAdded, prev, kNow, rng).value(),
      publisher());
}

TEST(SkillHash, IsThatOfTheNormalText) {
  const std::string want = "0ce96eb2039c45c881d943c7276b6efae8aa9cfbc041ef2a6cac6450e89d2c73";
  const auto hash_of = [](std::string text) {
    return nipsa::skill_hash({{"SKILL.md", std::move(text)}})->hex();
  };
  EXPECT_EQ(hash_of(std::string(kEchoText)), want);
  EXPECT_EQ(hash_of("\xef\xbb\xbf\xef\xbb\xbf---\r\nname: echo\r\n---\r\nSay hello.\r\n"), want);
  EXPECT_EQ(hash_of("---\rname: echo\r---\rSay hello.\r"), want);
  EXPECT_NE(hash_of(std::string(kEchoText) + "\n"), want) << "the last line end matters";
  EXPECT_EQ(outcome(nipsa::skill_hash({{"SKILL.md", "\xff"}})), "E_HASH");
}

TEST(SkillHash, OfABundleCountsPathsAndBytes) {
  const nipsa::SkillFile skill{"SKILL.md", "a\r\n"}, tool{"scripts/x.sh", "b\r\n"};
  const auto all = nipsa::skill_hash({skill, tool}).value();
  EXPECT_EQ(nipsa::skill_hash({tool, skill}).value(), all);
  EXPECT_EQ(nipsa::skill_hash({{"SKILL.md", "a\n"}, tool}).value(), all);
  EXPECT_NE(nipsa::skill_hash({skill, {"scripts/x.sh", "b\n"}}).value(), all) << "raw";
  EXPECT_NE(nipsa::skill_hash({skill, {"scripts/y.sh", "b\r\n"}}).value(), all);
  EXPECT_EQ(outcome(nipsa::skill_hash({tool})), "E_REF");
  EXPECT_EQ(outcome(nipsa::skill_hash({skill, tool, tool})), "E_TAG_BAD");
  for (const char* path : {"../x", "/x", "a//b", "a/./b", "a/..", "a\\b", "a\nb", ""})
    EXPECT_EQ(outcome(nipsa::skill_hash({skill, {path, "b"}})), "E_TAG_BAD") << path;
}

TEST(Manifest, RoundTrip) {
  const auto read = nipsa::parse_manifest(echo_event()).value();
  nipsa::Manifest want = echo();
  want.hash = nipsa::skill_hash(echo_files()).value();
  want.stated_scope = want.scope();
  EXPECT_EQ(read, want);
  EXPECT_TRUE(read.agrees());
  EXPECT_EQ(echo_event().tags[0], (nostr::Tag{"d", "echo"}));
  EXPECT_EQ(echo_event().content, "First") << "never the skill";
}

TEST(Manifest, EachRequiredTag) {
  for (const char* name : {"d", "name", "version", "description", "manifest_hash", "expiry"}) {
    const auto result = nipsa::parse_manifest(changed(name, {}));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().detail, "E_TAG_MISSING: " + std::string(name));
    EXPECT_EQ(parsed(changed(name, {{name, ""}})),
              std::string(name) == "manifest_hash" ? "E_HASH"
              : std::string(name) == "expiry"      ? "E_NUM"
                                                   : "E_TAG_MISSING");
  }
  EXPECT_EQ(parsed(changed("capability", {})), "ok") << "no capability is none";
}

TEST(Manifest, Values) {
  const struct {
    const char* name;
    nostr::Tags tags;
    const char* want;
  } cases[] = {
      {"manifest_hash", {{"manifest_hash", std::string(63, 'a')}}, "E_HASH"},
      {"manifest_hash", {{"manifest_hash", std::string(64, 'A')}}, "E_HASH"},
      {"capability", {{"capability", "none"}, {"capability", "http:outbound"}}, "E_TAG_BAD"},
      {"capability", {{"capability", " HTTP:Outbound "}}, "ok"},
      {"capability", {{"capability", "a b"}}, "E_TAG_BAD"},
      {"version", {{"version", "v1.0.0"}}, "E_TAG_BAD"},
      {"version", {{"version", "1.0"}}, "E_TAG_BAD"},
      {"version", {{"version", "1.0.0-rc.1+7"}}, "ok"},
      {"version", {{"version", "1.0.0"}, {"version", "2.0.0"}}, "E_TAG_DUP"},
      {"expiry", {{"expiry", std::to_string(base::to_unix(kNow))}}, "E_NUM"},
      {"p", {{"p", "npub1"}}, "E_HEX"},
  };
  for (const auto& c : cases) EXPECT_EQ(parsed(changed(c.name, c.tags)), c.want) << c.name;
  const auto other = changed("skill_scope_id", {{"skill_scope_id", "33400:x:y:1.0.0"}});
  EXPECT_FALSE(nipsa::parse_manifest(other)->agrees());
}

TEST(Manifest, TheWriterIsStrict) {
  const auto built = [](auto change) {
    nipsa::Manifest m = echo();
    change(m);
    return outcome(nipsa::build_manifest(m, echo_files(), kNow));
  };
  EXPECT_EQ(built([](auto&) {}), "ok");
  EXPECT_EQ(built([](auto& m) { m.slug = "Echo"; }), "E_TAG_BAD");
  EXPECT_EQ(built([](auto& m) { m.slug = "a:b"; }), "E_TAG_BAD");
  EXPECT_EQ(built([](auto& m) { m.name.clear(); }), "E_TAG_MISSING");
  EXPECT_EQ(built([](auto& m) { m.version = "01.0.0"; }), "E_TAG_BAD");
  EXPECT_EQ(built([](auto& m) { m.expires = kNow; }), "E_NUM");
  EXPECT_EQ(built([](auto& m) { m.capabilities = {"none", "x"}; }), "E_TAG_BAD");
}

TEST(Semver, Order) {
  const char* sorted[] = {"0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2",
                          "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0", "10.0.0"};
  for (std::size_t i = 1; i < std::size(sorted); ++i)
    EXPECT_LT(nipsa::parse_semver(sorted[i - 1]).value(), nipsa::parse_semver(sorted[i]).value())
        << sorted[i];
  EXPECT_EQ(nipsa::parse_semver("1.0.0+a").value(), nipsa::parse_semver("1.0.0+b").value());
  for (const char* bad : {"", "1", "1.2", "1.2.3.4", "1.2.3-", "1.2.3-01", "1.2.3+", "-1.2.3", "1.2.x"})
    EXPECT_EQ(outcome(nipsa::parse_semver(bad)), "E_TAG_BAD") << bad;
}

TEST(VersionLog, EveryEntryHasItsOwnAddress) {
  const nostr::Event e = entry_event("0.9.0");
  EXPECT_TRUE(e.tags[0][1].starts_with("echo:1.0.0:"));
  EXPECT_EQ(e.tags[1], (nostr::Tag{"d", "echo"})) << "for readers of the draft";
  const auto entry = nipsa::parse_version_entry(e).value();
  EXPECT_EQ(entry.slug, "echo");
  EXPECT_EQ(entry.prev_version, "0.9.0");
  EXPECT_EQ(entry.archived, echo_event());
  EXPECT_EQ(outcome(nipsa::check_version_entry(entry, publisher().public_key(), echo_event(),
                                               nipsa::parse_manifest(echo_event()).value())),
            "ok");
}

TEST(VersionLog, ReadsTheSlugOnlyForm) {
  nostr::Event e = with(entry_event(), "d", {{"d", "echo"}}, publisher());
  e = with(e, "a", {}, publisher());
  EXPECT_EQ(nipsa::parse_version_entry(e)->slug, "echo");
  EXPECT_EQ(outcome(nipsa::parse_version_entry(
                with(entry_event(), "change_type", {{"change_type", "Added"}}, publisher()))),
            "E_ENUM");
  EXPECT_EQ(outcome(nipsa::parse_version_entry(
                with(entry_event(), "manifest_json", {{"manifest_json", "{}"}}, publisher()))),
            "E_REF");
}

TEST(VersionLog, AnEntryIsHeldAgainstItsManifest) {
  const auto manifest = nipsa::parse_manifest(echo_event()).value();
  const auto entry = nipsa::parse_version_entry(entry_event()).value();
  const auto checked = [&](auto change) {
    auto e = entry;
    change(e);
    return outcome(nipsa::check_version_entry(e, publisher().public_key(), echo_event(), manifest));
  };
  EXPECT_EQ(checked([](auto& e) { e.version = "1.0.1"; }), "E_REF");
  EXPECT_EQ(checked([](auto& e) { e.hash = hash('c'); }), "E_REF");
  EXPECT_EQ(checked([](auto& e) { e.slug = "other"; }), "E_REF");
  EXPECT_EQ(outcome(nipsa::check_version_entry(entry, stranger().public_key(), echo_event(), manifest)),
            "E_SIGNER");
}

TEST(VersionLog, OneVersionHasOneHash) {
  auto a = nipsa::parse_version_entry(entry_event()).value();
  auto b = a;
  b.version = "1.1.0";
  const auto log = nipsa::order_log({a, b, a}).value();
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0].version, "1.1.0");
  b.version = a.version;
  b.hash = hash('c');
  EXPECT_EQ(outcome(nipsa::order_log({a, b})), "E_CONFLICT");
}

}  // namespace
