// Randomness as an argument: the operating system's, or a seeded stream for repeatable traces.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "nostr/base/bytes.h"
#include "nostr/base/secret.h"

namespace base {

/// A source of random bytes. Implementations are safe to call from any thread.
class Rng {
 public:
  virtual ~Rng() = default;
  /// Fills `out` completely or aborts: continuing without randomness is never right.
  virtual void fill(std::span<std::uint8_t> out) = 0;

  /// N random bytes as a public value.
  template <std::size_t N>
  std::array<std::uint8_t, N> bytes() {
    std::array<std::uint8_t, N> out;
    fill(out);
    return out;
  }
  /// N random bytes that wipe themselves.
  template <std::size_t N>
  Secret<N> secret() {
    Secret<N> out;
    fill(out.expose_mutable());
    return out;
  }
  /// Lower-case hex of `count` random bytes: `d` values, request and subscription ids.
  std::string hex(std::size_t count);
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
};

/// OpenSSL's CSPRNG.
class SystemRng final : public Rng {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

/// SHA-256 in counter mode over a seed: for tests and repeatable traces only. Each fill starts a new
/// block, so the stream depends on the sizes asked for as well as on the seed.
class SeededRng final : public Rng {
 public:
  explicit SeededRng(std::uint64_t seed) : seed_(seed) {}
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::uint64_t seed_;
  std::atomic<std::uint64_t> counter_ = 0;
};

}  // namespace base
