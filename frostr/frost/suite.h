// What tells one FROST over secp256k1 from another. The algorithm (sign.h) is the same for all: the
// sum of hiding nonces and bound binding nonces, one challenge, shares weighted by Lagrange. A suite
// says how nonces are bound, what the challenge hashes and how members are numbered on the wire.
//
// Partial signatures of different suites do not add up, the shares behind them are the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "frostr/frost/hash.h"

namespace frostr {

struct Suite {
  enum class Binding {
    kPerSigner,  ///< rho_i = H1(key ‖ H4(message) ‖ H5(every commitment) ‖ i)
    kAggregate,  ///< one coefficient, over the ids and the sum of all commitments (FROST3)
  };
  enum class Challenge {
    kBip340,   ///< tagged hash over x coordinates; odd keys and nonces count negatively
    kRfc9591,  ///< H2 over whole points
  };

  FrostHash hash;  ///< H1 to H5 of kPerSigner and kRfc9591
  Binding binding;
  Challenge challenge;
  bool even_key = false;        ///< the key is bound as its even-Y representative
  std::uint32_t first_id = 1;   ///< what the member at x = 1 is called on the wire

  std::uint32_t wire_id(std::uint32_t x) const { return x - 1 + first_id; }
};

/// bifrost 2.0.2 (@vbyte/frost 1.1.5): RFC 9591 up to the binding factors, then BIP-340. What Nostr
/// groups speak.
inline constexpr Suite kBifrost{.hash = {"FROST-secp256k1-SHA256-v1"},
                                .binding = Suite::Binding::kPerSigner,
                                .challenge = Suite::Challenge::kBip340};
/// FROST(secp256k1, SHA-256), RFC 9591 section 6.5. No tweaks.
inline constexpr Suite kRfc9591{.hash = {"FROST-secp256k1-SHA256-v1"},
                                .binding = Suite::Binding::kPerSigner,
                                .challenge = Suite::Challenge::kRfc9591};
/// BIP-445 (FROST3): signers see only the aggregate nonce.
inline constexpr Suite kBip445{.hash = {},
                               .binding = Suite::Binding::kAggregate,
                               .challenge = Suite::Challenge::kBip340,
                               .first_id = 0};
/// ZF frost-secp256k1-tr, which bifrost-rs is built on.
inline constexpr Suite kZfTaproot{.hash = {"FROST-secp256k1-SHA256-TR-v1"},
                                  .binding = Suite::Binding::kPerSigner,
                                  .challenge = Suite::Challenge::kBip340,
                                  .even_key = true};

}  // namespace frostr
