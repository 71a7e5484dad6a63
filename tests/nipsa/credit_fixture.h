// One credit and its parties, for the tests of kinds 39240 to 39246.
#pragma once

#include "nipsa/credit.h"
#include "tests/nipsa/events_fixture.h"

namespace nipsa_test {

inline const nostr::SecretKey& issuer() { static const auto k = key('4'); return k; }
inline const nostr::SecretKey& provider() { static const auto k = key('5'); return k; }

inline constexpr std::chrono::seconds kHour{3'600};

inline nipsa::Purpose job() {
  return {.scope = {.type = nipsa::ScopeType::kNip90, .id = std::string(64, 'f'), .constraints = {}},
          .manifest = {}};
}
inline nipsa::Purpose skill_use() {
  return {.scope = {.type = nipsa::ScopeType::kSkill,
                    .id = "33400:" + provider().public_key().hex() + ":echo:1.0.0",
                    .constraints = hash('1')},
          .manifest = id('c')};
}

inline nipsa::CreditEnvelope envelope(std::int64_t max = 3'500) {
  nipsa::CreditEnvelope out;
  out.id = "env-77";
  out.agent = agent().public_key();
  out.issuer = issuer().public_key();
  out.provider = provider().public_key();
  out.purpose = job();
  out.max = {max};
  out.expires = kNow + kHour;
  out.status = nipsa::EnvelopeStatus::kAccepted;
  return out;
}

inline nipsa::CreditSpend spend(std::string d, std::int64_t sats) {
  return {.d = std::move(d),
          .issuer = issuer().public_key(),
          .envelope = "env-77",
          .purpose = job(),
          .max = {sats},
          .amount = {sats},
          .expires = kNow + kHour,
          .reason = "summarise a feed"};
}

inline nipsa::CreditReceipt receipt(std::string d, std::int64_t spent, std::int64_t fee = 0) {
  nipsa::CreditReceipt out;
  out.d = std::move(d);
  out.envelope = "env-77";
  out.agent = agent().public_key();
  out.issuer = issuer().public_key();
  out.purpose = job();
  out.spent = {spent};
  out.fee = {fee};
  out.outcome = "success";
  return out;
}

inline nipsa::CreditDefault default_notice(std::int64_t loss = 3'000) {
  return {.envelope = "env-77",
          .agent = agent().public_key(),
          .issuer = issuer().public_key(),
          .purpose = job(),
          .reason = "the acceptance tests did not pass",
          .loss = {loss}};
}

inline nostr::Event envelope_event(const nipsa::CreditEnvelope& e, base::UnixTime at = kNow) {
  return sign(nipsa::build_credit_envelope(e, at).value(), issuer());
}
inline nostr::Event spend_event(const nipsa::CreditSpend& s, base::UnixTime at = kNow) {
  return sign(nipsa::build_credit_spend(s, at).value(), agent());
}
inline nostr::Event receipt_event(const nipsa::CreditReceipt& r, base::UnixTime at = kNow) {
  return sign(nipsa::build_credit_receipt(r, at).value(), issuer());
}

}  // namespace nipsa_test
