// Marks secrets as undefined memory and runs everything that uses them under valgrind's memcheck: a
// branch or an address that depends on a secret is then an error, as in libsecp256k1's own test.
//
//   constant_time            signs, derives and seals; memcheck has nothing to say
//   constant_time control    branches on a share, so that the test is known to be able to fail
#include <valgrind/memcheck.h>

#include <cstdio>
#include <span>
#include <string_view>

#include "frostr/frost/ecdh.h"
#include "frostr/frost/sign.h"
#include "nostr/base/declassify.h"
#include "nostr/nips/nip44.h"

namespace {

using namespace frostr;  // a program of its own: nothing includes this file

constexpr int kNotUnderValgrind = 77;

/// The value of a Result; the program ends where there is none.
template <class T>
T must(Result<T> value) {
  CHECK(value.has_value());
  return *std::move(value);
}

void make_defined(const void* data, std::size_t size) {
  VALGRIND_MAKE_MEM_DEFINED(data, size);
}

void make_undefined(std::span<const std::uint8_t> secret) {
  VALGRIND_MAKE_MEM_UNDEFINED(secret.data(), secret.size());
}

void sign(const Dealt& dealt, const Suite& suite, base::Rng& rng) {
  const nostr::Sha256 message = nostr::sha256("to be signed");
  const SecretShare& first = dealt.shares[0];
  const SecretShare& second = dealt.shares[1];
  NoncePair one = NoncePair::generate(first, rng);
  NoncePair other = NoncePair::generate(second, rng);
  const SigningContext context =
      must(SigningContext::create(KeyContext(dealt.group.group_pk()), message.view(),
                                  {{first.idx, one.commitment()}, {second.idx, other.commitment()}}, suite));
  const Scalar z1 = must(context.sign_partial(std::move(one), first));
  const Scalar z2 = must(context.sign_partial(std::move(other), second));
  (void)must(aggregate(context, dealt.group, {{{first.idx, z1}, {second.idx, z2}}}));
}

void derive(const Dealt& dealt, const nostr::SecretKey& peer, base::Rng& rng) {
  const auto target = must(EcdhTarget::from_key(peer.public_key()));
  const std::array quorum{dealt.shares[0].idx, dealt.shares[2].idx};
  const nostr::SharedX shared =
      must(combine_ecdh(std::array{must(ecdh_key_share(dealt.shares[0], quorum, target)),
                                   must(ecdh_key_share(dealt.shares[2], quorum, target))}));
  make_undefined(shared.expose());
  const auto key = nostr::nip44_conversation_key_from_x(shared);
  const std::string sealed = must(nostr::nip44_encrypt(key, "for one reader", rng));
  CHECK(must(nostr::nip44_decrypt(key, sealed)) == "for one reader");
}

void use_whole_key(const nostr::SecretKey& self, const nostr::SecretKey& peer, base::Rng& rng) {
  const nostr::Sha256 message = nostr::sha256("to be signed");
  CHECK(nostr::verify(self.public_key(), message, self.sign(message, rng)));
  const auto key = must(nostr::nip44_conversation_key(self, peer.public_key()));
  const std::string sealed = must(nostr::nip44_encrypt(key, "for one reader", rng));
  const auto back = must(nostr::nip44_conversation_key(peer, self.public_key()));
  CHECK(must(nostr::nip44_decrypt(back, sealed)) == "for one reader");
}

/// A key of undefined bytes, so that its key pair is made of them too.
nostr::SecretKey undefined_key(base::Rng& rng) {
  const base::Secret<32> bytes(nostr::SecretKey::generate(rng).expose());
  make_undefined(bytes.expose());
  return must(nostr::SecretKey::from_bytes(bytes.expose()));
}

}  // namespace

int main(int argc, char** argv) {
  if (!RUNNING_ON_VALGRIND) {
    std::puts("skipped: not under valgrind");
    return kNotUnderValgrind;
  }
  base::on_declassify = make_defined;
  base::SystemRng rng;
  const Dealt dealt = must(deal(rng));
  for (const SecretShare& share : dealt.shares) make_undefined(share.secret.expose());
  if (argc > 1 && std::string_view(argv[1]) == "control")
    return dealt.shares[0].secret.expose()[31] > 127 ? 0 : 1;
  const nostr::SecretKey self = undefined_key(rng);
  const nostr::SecretKey peer = nostr::SecretKey::generate(rng);
  for (const Suite& suite : {kBifrost, kBip445, kZfTaproot}) sign(dealt, suite, rng);
  derive(dealt, peer, rng);
  use_whole_key(self, peer, rng);
  std::puts("signed, derived and sealed");
  return 0;
}
