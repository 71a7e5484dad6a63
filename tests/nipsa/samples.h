// A well-formed event of every kind this floor reads, and what reads it.
#pragma once

#include <ostream>

#include "tests/nipsa/credit_fixture.h"
#include "tests/nipsa/skill_fixture.h"

namespace nipsa_test {

/// One kind: a well-formed event of it and what reads it.
struct Sample {
  std::string name;
  nostr::Event event;
  std::string (*read)(const nostr::Event&);
};

void PrintTo(const Sample& sample, std::ostream* out);

/// One of each; two dialects of a kind are two.
std::vector<Sample> samples();

nipsa::CreditEnvelope open_envelope();  ///< with a guardian, a window for cancels and a fee
nostr::Event claim_event();
nostr::Event result_event();
nostr::Event request_event();
nostr::Event decision_event();
nostr::Event session_event();
nostr::Event step_event();
nostr::Event version_event();
nostr::Event cancel_event();  ///< of spend("sp-1", 1'000)
nostr::Event challenge_event();
nostr::Event response_event();

}  // namespace nipsa_test
