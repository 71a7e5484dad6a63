// What keys cost: signing and checking an event, a conversation key, NIP-44 over 1 KiB.
// CPU time of this process, the median over rounds.
#include <functional>

#include "nostr/event/event.h"
#include "nostr/nips/nip44.h"
#include "tools/bench/figure.h"

namespace {

using bench::figure;
using bench::must;

constexpr int kRounds = 15;
constexpr int kIterations = 300;

double median_us(const std::function<void(int)>& work) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const double start = bench::cpu_seconds();
    for (int i = 0; i < kIterations; ++i) work(i);
    rounds.push_back((bench::cpu_seconds() - start) * 1e6 / kIterations);
  }
  return bench::median(std::move(rounds));
}

nostr::Draft note(int number) {
  return {1,
          base::unix_time(1'700'000'000 + number),
          {{"p", std::string(64, 'a')}, {"t", "bench"}},
          "note " + std::string(200, 'x')};
}

}  // namespace

int main() {
  base::SystemRng rng;
  const auto key = nostr::SecretKey::generate(rng);
  const auto peer = nostr::SecretKey::generate(rng).public_key();
  const auto conversation = must(nostr::nip44_conversation_key(key, peer));
  const nostr::Event event = nostr::sign_event(note(0), key, rng);
  const std::string text(1024, 'x');

  figure("crypto_sign_event", median_us([&](int i) { (void)nostr::sign_event(note(i), key, rng); }),
         "us");
  figure("crypto_verify_event", median_us([&](int) { CHECK(nostr::check(event).has_value()); }),
         "us");
  figure("crypto_conversation_key",
         median_us([&](int) { (void)must(nostr::nip44_conversation_key(key, peer)); }), "us");
  figure("crypto_nip44_1kib", median_us([&](int) {
           const std::string sealed = must(nostr::nip44_encrypt(conversation, text, rng));
           CHECK(must(nostr::nip44_decrypt(conversation, sealed)).size() == text.size());
         }),
         "us");
  return 0;
}
