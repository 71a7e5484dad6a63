// The trust gate: one case per row of its table, and the ways around it that must not work.
#include "nipsa/trust.h"

#include "nostr/nips/nip09.h"
#include "tests/nipsa/skill_fixture.h"

namespace {

using namespace nipsa_test;
using nipsa::Trust;

nostr::Event label(const nostr::SecretKey& by, const std::vector<std::string>& values,
                   base::UnixTime at = kNow, const nostr::Event& of = echo_event()) {
  return sign(nipsa::build_skill_label(of, values, "", at).value(), by);
}
nostr::Event revocation(const nostr::SecretKey& by, base::UnixTime at) {
  return sign(nipsa::build_skill_revocation({echo_event()}, "critical-vuln", "", at).value(), by);
}
/// The next version, by the same publisher.
nostr::Event upgrade() {
  nipsa::Manifest m = echo();
  m.version = "2.0.0";
  return sign(nipsa::build_manifest(m, {{"SKILL.md", "malware"}}, kNow + std::chrono::seconds(9)).value(),
              publisher());
}

struct Case {
  nipsa::TrustInputs in{.manifest = echo_event(), .now = kNow + std::chrono::hours(1)};
  nipsa::TrustPolicy policy{.auditors = {auditor().public_key()}};
};
nipsa::TrustDecision decide(auto change) {
  Case c;
  change(c);
  return nipsa::judge_trust(c.in, c.policy);
}
std::string told(const nipsa::TrustDecision& d) {
  return std::to_string(static_cast<int>(d.row)) + " " + std::string(nipsa::trust_name(d.trust)) +
         (d.code ? " " + std::string(nipsa::code_name(*d.code)) : "");
}
std::string row(auto change) { return told(decide(change)); }

TEST(TrustGate, EveryRow) {
  EXPECT_EQ(row([](Case& c) { c.in.manifest.content = "forged"; }), "1 blocked E_SIG");
  EXPECT_EQ(row([](Case& c) { c.in.manifest = with(echo_event(), "expiry", {}, publisher()); }),
            "1 blocked E_TAG_MISSING");
  EXPECT_EQ(row([](Case& c) { c.in.expected.address = {33400, pub('7'), "echo"}; }), "1 blocked E_REF");
  EXPECT_EQ(row([](Case& c) { c.in.expected.hash = hash('c'); }), "1 blocked E_HASH");
  EXPECT_EQ(row([](Case& c) { c.in.deletions = {revocation(publisher(), kNow)}; }), "2 blocked E_REVOKED");
  EXPECT_EQ(row([](Case& c) { c.in.labels = {label(auditor(), {"prompt-injection"})}; }),
            "4 blocked E_UNTRUSTED");
  EXPECT_EQ(row([](Case& c) { c.in.now = echo().expires; }), "6 untrusted E_EXPIRED");
  EXPECT_EQ(row([](Case& c) { c.in.payload_hash = hash('c'); }), "7 blocked E_HASH");
  EXPECT_EQ(row([](Case& c) { c.in.unverified_delegation = true; }), "8 untrusted E_SIGNER");
  EXPECT_EQ(row([](Case& c) {
              c.in.manifest = with(echo_event(), "skill_scope_id", {{"skill_scope_id", "x"}}, publisher());
            }),
            "8 untrusted E_CONFLICT");
  EXPECT_EQ(row([](Case& c) {
              c.policy.require_capabilities_verified = true;
              c.in.labels = {label(auditor(), {"audit-passed"})};
            }),
            "9 untrusted E_UNTRUSTED");
  EXPECT_EQ(row([](Case& c) { c.in.labels = {label(auditor(), {"audit-passed"})}; }), "10 trusted");
  EXPECT_EQ(row([](Case& c) { c.policy.pins = {{publisher().public_key(), std::nullopt}}; }), "11 trusted");
  EXPECT_EQ(row([](Case&) {}), "12 untrusted E_UNTRUSTED");
}

TEST(TrustGate, StrangersOnlyWarn) {
  const auto third = decide([](Case& c) { c.in.deletions = {revocation(stranger(), kNow)}; });
  EXPECT_EQ(told(third), "12 untrusted E_UNTRUSTED");
  EXPECT_EQ(third.warnings.size(), 1u) << "row 3";
  const auto fifth = decide([](Case& c) { c.in.labels = {label(stranger(), {"credential-exfil"})}; });
  EXPECT_EQ(told(fifth), "12 untrusted E_UNTRUSTED");
  EXPECT_EQ(fifth.warnings.size(), 1u) << "row 5";
}

TEST(TrustGate, TheFirstRowDecides) {
  EXPECT_EQ(row([](Case& c) {
              c.in.labels = {label(auditor(), {"audit-passed"})};
              c.in.deletions = {revocation(publisher(), kNow)};
              c.in.payload_hash = hash('c');
            }),
            "2 blocked E_REVOKED");
  EXPECT_EQ(row([](Case& c) {
              c.in.labels = {label(auditor(), {"audit-passed", "malicious-confirmed"})};
            }),
            "4 blocked E_UNTRUSTED");
}

TEST(TrustGate, AnUpgradeInheritsNothing) {
  EXPECT_EQ(row([](Case& c) {
              c.in.manifest = upgrade();
              c.in.labels = {label(auditor(), {"audit-passed"})};  // of the version before
            }),
            "12 untrusted E_UNTRUSTED");
  EXPECT_EQ(row([](Case& c) {  // bound to the skill, not to a version
              nostr::Event loose = with(label(auditor(), {"audit-passed"}), "e", {}, auditor());
              c.in.labels = {with(loose, "x", {}, auditor())};
            }),
            "12 untrusted E_UNTRUSTED");
  EXPECT_EQ(row([](Case& c) {  // but a warning of the skill holds for every version
              c.in.manifest = upgrade();
              nostr::Event loose = with(label(auditor(), {"malicious-confirmed"}), "e", {}, auditor());
              c.in.labels = {with(loose, "x", {}, auditor())};
            }),
            "4 blocked E_UNTRUSTED");
}

TEST(TrustGate, AWithdrawalCoversWhatIsOlder) {
  EXPECT_EQ(row([](Case& c) {
              c.in.manifest = upgrade();
              c.in.deletions = {revocation(publisher(), kNow + std::chrono::seconds(8))};
            }),
            "12 untrusted E_UNTRUSTED");
  EXPECT_EQ(row([](Case& c) {
              c.in.manifest = upgrade();
              c.in.deletions = {revocation(publisher(), kNow + std::chrono::seconds(9))};
            }),
            "2 blocked E_REVOKED");
}

/// A line of the log about `manifest`.
nostr::Event logged(const nostr::Event& manifest, const nostr::SecretKey& by = publisher()) {
  base::SeededRng rng(2);
  return sign(nipsa::build_version_entry(manifest, nipsa::ChangeType::kChanged, "", kNow, rng).value(), by);
}
/// Version 0.9.0, published after `echo_event()`.
nostr::Event downgrade(nipsa::Manifest m = echo()) {
  m.version = "0.9.0";
  return sign(nipsa::build_manifest(m, echo_files(), kNow + std::chrono::seconds(9)).value(), publisher());
}

TEST(TrustGate, ALaterHeadOfALowerVersionIsBlocked) {
  const auto vouched = [](Case& c) { c.policy.pins = {{publisher().public_key(), std::nullopt}}; };
  EXPECT_EQ(row([&](Case& c) {
              vouched(c);
              c.in.manifest = downgrade();
              c.in.log = {logged(downgrade()), logged(echo_event())};
            }),
            "1 blocked E_CONFLICT");
  EXPECT_EQ(row([&](Case& c) {
              vouched(c);
              c.in.manifest = downgrade();
              c.in.log = {logged(downgrade())};
            }),
            "11 trusted") << "the first of its skill";
  EXPECT_EQ(row([&](Case& c) {
              vouched(c);
              c.in.log = {logged(echo_event()), logged(upgrade())};
            }),
            "11 trusted") << "an older version is as good as it was";
  EXPECT_EQ(row([&](Case& c) {
              vouched(c);
              c.in.manifest = downgrade();
              c.in.log = {logged(echo_event(), stranger())};
            }),
            "11 trusted") << "a stranger writes no log";
  EXPECT_EQ(row([&](Case& c) {
              vouched(c);
              auto other = echo();
              other.slug = "other";
              c.in.manifest = downgrade(other);
              c.in.log = {logged(echo_event())};
            }),
            "11 trusted") << "each skill has its own numbers";
}

TEST(TrustGate, AVersionThatStandsWithTwoHashesIsBlocked) {
  const auto twin = sign(nipsa::build_manifest(echo(), {{"SKILL.md", "other text"}}, kNow).value(), publisher());
  EXPECT_EQ(row([&](Case& c) {
              c.policy.pins = {{publisher().public_key(), std::nullopt}};
              c.in.log = {logged(twin)};
            }),
            "1 blocked E_CONFLICT");
}

TEST(TrustGate, VotesAreOfDistinctTrustedKeys) {
  const auto two_needed = [](Case& c) {
    c.policy.min_positive = 2;
    c.policy.kill_quorum = 2;
    c.policy.auditors = {auditor().public_key(), pub('7')};
  };
  EXPECT_EQ(row([&](Case& c) {
              two_needed(c);
              c.in.labels = {label(auditor(), {"audit-passed"}), label(auditor(), {"scan-clean"}),
                             label(auditor(), {"capabilities-verified"})};
            }),
            "12 untrusted E_UNTRUSTED")
      << "three labels of one auditor are one vote";
  EXPECT_EQ(row([&](Case& c) {
              two_needed(c);
              c.in.labels = {label(auditor(), {"audit-passed"}), label(key('7'), {"scan-clean"})};
            }),
            "10 trusted");
  EXPECT_EQ(row([&](Case& c) {
              two_needed(c);
              c.in.labels = {label(auditor(), {"prompt-injection"}), label(stranger(), {"prompt-injection"})};
            }),
            "12 untrusted E_UNTRUSTED")
      << "a stranger adds nothing to the quorum";
  EXPECT_EQ(row([](Case& c) {
              c.policy.auditors = {publisher().public_key()};
              c.in.labels = {label(publisher(), {"audit-passed"})};
            }),
            "12 untrusted E_UNTRUSTED")
      << "nobody vouches for themselves";
  EXPECT_EQ(row([](Case& c) {
              c.policy = {};
              c.in.labels = {label(auditor(), {"audit-passed"})};
            }),
            "12 untrusted E_UNTRUSTED")
      << "nobody is trusted by default";
}

TEST(TrustGate, OpinionsChange) {
  const auto later = kNow + std::chrono::seconds(5);
  EXPECT_EQ(row([&](Case& c) {
              c.in.labels = {label(auditor(), {"malicious-confirmed"}),
                             label(auditor(), {"audit-passed"}, later)};
            }),
            "10 trusted");
  EXPECT_EQ(row([&](Case& c) {
              const auto said = label(auditor(), {"audit-passed"});
              c.in.labels = {said};
              c.in.deletions = {sign(nostr::build_deletion({said}, "", later), auditor())};
            }),
            "12 untrusted E_UNTRUSTED")
      << "taken back";
  EXPECT_EQ(row([&](Case& c) {
              const auto said = label(auditor(), {"audit-passed"});
              c.in.labels = {said};
              c.in.deletions = {sign({5, later, {{"e", said.id.hex()}}, ""}, stranger())};
            }),
            "10 trusted")
      << "by somebody else";
  EXPECT_EQ(row([&](Case& c) {
              c.in.labels = {label(auditor(), {"audit-passed"}, c.in.now + std::chrono::seconds(1))};
            }),
            "12 untrusted E_UNTRUSTED")
      << "from the future";
}

TEST(TrustGate, APinMayNameOneHash) {
  EXPECT_EQ(row([](Case& c) { c.policy.pins = {{publisher().public_key(), hash('c')}}; }),
            "12 untrusted E_UNTRUSTED");
  EXPECT_EQ(row([](Case& c) {
              c.policy.pins = {{publisher().public_key(), nipsa::skill_hash(echo_files()).value()}};
            }),
            "11 trusted");
}

TEST(SkillLabel, Namespaces) {
  const auto read = [](const nostr::Tags& tags) {
    nostr::Tags all = tags;
    all.push_back({"e", id('a').hex()});
    return outcome(nipsa::parse_skill_label(sign({1985, kNow, all, ""}, auditor())));
  };
  EXPECT_EQ(read({{"L", "skill-security"}, {"l", " Audit-Passed ", "skill-security"}}), "ok");
  EXPECT_EQ(read({{"L", "skill-security"}, {"l", "audit-passed"}}), "ok") << "the only L is the mark";
  EXPECT_EQ(read({{"L", "skill-security"}, {"L", "other"}, {"l", "audit-passed"}}), "E_KIND");
  EXPECT_EQ(read({{"l", "audit-passed"}}), "E_KIND");
  EXPECT_EQ(read({{"L", "skill-security"}, {"l", "audit-passed"}, {"e", id('b').hex()}}), "E_AMBIGUOUS");
}

}  // namespace
