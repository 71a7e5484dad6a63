// The key under which an agent seals its state for itself, made by shares: the same whatever the
// parity of the group's point, and nobody else's; and what is sealed still fits where it has to
// pass.
#include <gtest/gtest.h>

#include "frostr/frost/ecdh.h"
#include "frostr/judgement.h"
#include "nipsa/state.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"
#include "tests/frostr/party.h"

namespace frostr {
namespace {

using testing::Cast;
using testing::kNow;
using testing::must;

/// The seed of a group whose point has this parity.
std::uint64_t seed_of(bool odd) {
  for (std::uint64_t seed = 1;; ++seed)
    if (Cast(seed).group().group_pk().hex().starts_with(odd ? "03" : "02")) return seed;
}

nostr::SharedX own_secret(const Cast& cast, std::array<std::uint32_t, 2> quorum) {
  const auto target = must(EcdhTarget::from_key(cast.group().identity()));
  const std::vector<ShareIndex> members{ShareIndex{quorum[0]}, ShareIndex{quorum[1]}};
  std::vector<Point> parts;
  for (const std::uint32_t idx : quorum)
    parts.push_back(must(ecdh_key_share(cast.share(idx), members, target)));
  return must(combine_ecdh(parts));
}

TEST(StateKey, IsTheSameForEveryQuorumOfAGroupOfEitherParity) {
  for (const bool odd : {false, true}) {
    Cast cast(seed_of(odd));
    const auto sealing = nostr::nip44_conversation_key_from_x(own_secret(cast, {1, 2}));
    const std::string sealed = must(nostr::nip44_encrypt(sealing, R"({"tick_count":1})", cast.rng));
    for (const std::array<std::uint32_t, 2> quorum : {std::array{1u, 3u}, std::array{2u, 3u}}) {
      const auto opening = nostr::nip44_conversation_key_from_x(own_secret(cast, quorum));
      EXPECT_EQ(must(nipsa::decode_state(must(nostr::nip44_decrypt(opening, sealed)))).tick_count,
                1)
          << odd;
    }
  }
}

TEST(StateKey, OfAnotherGroupOpensNothing) {
  Cast ours(seed_of(true));
  Cast theirs(seed_of(false));
  const std::string sealed = must(nostr::nip44_encrypt(
      nostr::nip44_conversation_key_from_x(own_secret(ours, {1, 2})), "{}", ours.rng));
  const auto wrong = nostr::nip44_conversation_key_from_x(own_secret(theirs, {1, 2}));
  const auto right = nostr::nip44_conversation_key_from_x(own_secret(ours, {2, 3}));
  EXPECT_EQ(nostr::nip44_decrypt(wrong, sealed).error().code, base::Errc::kCrypto);
  EXPECT_FALSE(nostr::nip44_decrypt(right, sealed.substr(0, sealed.size() - 4))) << "cut short";
  EXPECT_EQ(nostr::nip44_decrypt(right, "#" + sealed).error().code, base::Errc::kUnsupported)
      << "a later format";
  EXPECT_EQ(nostr::nip44_decrypt(right, "Aw" + sealed.substr(2)).error().code,
            base::Errc::kUnsupported)
      << "version 3";
  EXPECT_TRUE(nostr::nip44_decrypt(right, sealed));
}

// Larger states would fit a relay; this limit is the one of a signing request, which carries the
// event whole.
TEST(StateKey, TheLargestStateIsSignedAndOneByteMoreIsNotWritten) {
  Cast cast;
  nipsa::State state;
  const auto padded = [&](std::size_t bytes) {
    state.beliefs = {{"all", std::string(bytes, 'x')}};
    return nipsa::encode_state(state);
  };
  const std::size_t frame = must(padded(0)).size();
  EXPECT_EQ(nipsa::code_of(padded(nipsa::kStatePlaintextMax - frame + 1).error()),
            nipsa::Code::kSize);
  const std::string plaintext = must(padded(nipsa::kStatePlaintextMax - frame));
  EXPECT_EQ(plaintext.size(), nipsa::kStatePlaintextMax);
  const auto key = nostr::nip44_conversation_key_from_x(own_secret(cast, {1, 2}));
  const auto draft = must(nipsa::build_state(must(nostr::nip44_encrypt(key, plaintext, cast.rng)),
                                             nostr::EventId(cast.rng.bytes<32>()), kNow));
  const auto event = nostr::with_author(draft, cast.group().identity());
  EXPECT_LE(nostr::to_json(event).size(), kMaxEventBytes);
  SignFacts facts;
  facts.now = kNow;
  facts.group = cast.group().identity();
  facts.requester = {.idx = 1, .runner = cast.runner.public_key()};
  const Verdict verdict = judge(cast.policy(), event, nostr::to_json(event).size(), facts);
  EXPECT_TRUE(verdict.reason.starts_with("no-live-claim"))
      << verdict.reason << ": its size is no reason";
}

}  // namespace
}  // namespace frostr
