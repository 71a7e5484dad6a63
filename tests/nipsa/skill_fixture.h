// A published skill, its licence and its delivery, for the tests of NIP-SKL.
#pragma once

#include "nipsa/delivery.h"
#include "nipsa/skill_label.h"
#include "tests/nipsa/events_fixture.h"

namespace nipsa_test {

inline const nostr::SecretKey& publisher() { static const auto k = key('4'); return k; }
inline const nostr::SecretKey& market() { static const auto k = key('5'); return k; }
inline const nostr::SecretKey& auditor() { static const auto k = key('6'); return k; }
inline constexpr std::string_view kEchoText = "---\nname: echo\n---\nSay hello.\n";

inline std::vector<nipsa::SkillFile> echo_files() { return {{"SKILL.md", std::string(kEchoText)}}; }

inline nipsa::Manifest echo() {
  nipsa::Manifest m;
  m.publisher = publisher().public_key();
  m.slug = "echo";
  m.name = "Echo";
  m.version = "1.0.0";
  m.description = "Says hello";
  m.capabilities = {"http:outbound"};
  m.expires = kNow + std::chrono::hours(24 * 365);
  m.topics = {"research"};
  m.note = "First";
  return m;
}
inline nostr::Event echo_event() {
  static const auto e = sign(nipsa::build_manifest(echo(), echo_files(), kNow).value(), publisher());
  return e;
}

inline nipsa::Licence echo_licence() {
  nipsa::Licence l;
  l.id = std::string(32, 'a');
  l.issuer = market().public_key();
  l.agent = agent().public_key();
  l.skill = echo().address();
  l.skill_name = "echo";
  l.manifest = echo_event().id;
  l.version = "1.0.0";
  l.manifest_hash = nipsa::parse_manifest(echo_event())->hash;
  l.provider = publisher().public_key();
  l.licensed_at = kNow;
  l.expires = kNow + std::chrono::hours(24 * 30);
  l.type = nipsa::LicenceType::kMetered;
  l.max_uses = 500;
  l.payment.hash = std::string(64, 'b');
  l.price = nipsa::Sat{2500};
  l.content_key = pub('8');
  l.capabilities = {"http:outbound"};
  l.max_per_day = 100;
  return l;
}
inline nostr::Event licence_event() {
  return sign(nipsa::build_licence(echo_licence(), kNow).value(), market());
}

inline nipsa::Delivery delivery() {
  const auto l = echo_licence();
  nipsa::Delivery x;
  x.d = std::string(32, 'd');
  x.agent = l.agent;
  x.skill = l.skill;
  x.skill_id = "echo";
  x.manifest_id = l.manifest;
  x.manifest = echo_event();
  x.version = l.version;
  x.licence = l.address();
  x.content_key = l.content_key;
  x.payload = "Ag==";
  x.content_type = "skill-md";
  x.content_hash = l.manifest_hash;
  base::SeededRng rng(3);
  x.signature = publisher().sign(nipsa::delivery_digest(*x.skill, *x.manifest_id, x.version,
                                                        *x.content_hash, x.agent, *x.content_key),
                                 rng);
  return x;
}

}  // namespace nipsa_test
