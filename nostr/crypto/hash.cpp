// HOT PATH: every event id. SHA-256 through a digest fetched once and a context per thread
// (0.34 µs for a short input against 0.77 µs for the one-shot call), and what is built on it.
#include "nostr/crypto/hash.h"

#include <algorithm>
#include <vector>

#include <openssl/evp.h>

namespace nostr {
namespace {

constexpr std::size_t kBlockSize = 64;
constexpr std::size_t kDigestSize = 32;

/// The provider's implementation, looked up once: EVP_sha256() would look it up at every call.
const EVP_MD* digest() {
  static EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CHECK(fetched != nullptr);
  return fetched;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

EVP_MD_CTX* thread_context() {
  thread_local const Context context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  return context.get();
}

void start(EVP_MD_CTX* context) {
  CHECK(EVP_DigestInit_ex2(context, digest(), nullptr) == 1);
}
void feed(EVP_MD_CTX* context, base::ByteView data) {
  CHECK(EVP_DigestUpdate(context, data.data(), data.size()) == 1);
}
void end(EVP_MD_CTX* context, std::uint8_t* out) {
  CHECK(EVP_DigestFinal_ex(context, out, nullptr) == 1);
}

/// The key as one block, as RFC 2104 prepares it: hashed when longer, padded with zeros.
base::Secret<kBlockSize> hmac_block(base::ByteView key) {
  base::Secret<kBlockSize> block;
  if (key.size() > kBlockSize) {
    EVP_MD_CTX* context = thread_context();
    start(context);
    feed(context, key);
    end(context, block.expose_mutable().data());
  } else {
    std::ranges::copy(key, block.expose_mutable().begin());
  }
  return block;
}

void feed_masked(EVP_MD_CTX* context, const base::Secret<kBlockSize>& key, std::uint8_t mask) {
  base::Secret<kBlockSize> pad;
  std::ranges::transform(key.expose(), pad.expose_mutable().begin(), [mask](std::uint8_t byte) {
    return static_cast<std::uint8_t>(byte ^ mask);
  });
  feed(context, pad.expose());
}

/// HMAC over the concatenation of `parts`.
base::Secret<kDigestSize> hmac_parts(base::ByteView key,
                                     std::initializer_list<base::ByteView> parts) {
  const base::Secret<kBlockSize> block = hmac_block(key);
  EVP_MD_CTX* context = thread_context();
  base::Secret<kDigestSize> inner;
  start(context);
  feed_masked(context, block, 0x36);
  for (const base::ByteView part : parts) feed(context, part);
  end(context, inner.expose_mutable().data());

  base::Secret<kDigestSize> outer;
  start(context);
  feed_masked(context, block, 0x5c);
  feed(context, inner.expose());
  end(context, outer.expose_mutable().data());
  return outer;
}

}  // namespace

Sha256 sha256(base::ByteView data) {
  EVP_MD_CTX* context = thread_context();
  Sha256 out;
  start(context);
  feed(context, data);
  end(context, out.data());
  return out;
}

struct Sha256Hasher::Impl {
  Context context{EVP_MD_CTX_new()};
};

Sha256Hasher::Sha256Hasher() : impl_(std::make_unique<Impl>()) {
  CHECK(impl_->context != nullptr);
  start(impl_->context.get());
}

Sha256Hasher::~Sha256Hasher() = default;

Sha256Hasher& Sha256Hasher::update(base::ByteView data) {
  feed(impl_->context.get(), data);
  return *this;
}

Sha256 Sha256Hasher::finish() {
  Sha256 out;
  end(impl_->context.get(), out.data());
  start(impl_->context.get());
  return out;
}

Sha256 tagged_hash(std::string_view tag, base::ByteView data) {
  const Sha256 prefix = sha256(tag);
  EVP_MD_CTX* context = thread_context();
  Sha256 out;
  start(context);
  feed(context, prefix.view());
  feed(context, prefix.view());
  feed(context, data);
  end(context, out.data());
  return out;
}

base::Secret<32> hmac_sha256(base::ByteView key, base::ByteView data) {
  return hmac_parts(key, {data});
}

base::Secret<32> hkdf_extract(base::ByteView salt, base::ByteView input_key) {
  return hmac_parts(salt, {input_key});
}

void hkdf_expand(base::ByteView pseudo_random_key, base::ByteView info,
                 std::span<std::uint8_t> out) {
  CHECK(out.size() <= 255 * kDigestSize);
  base::Secret<kDigestSize> block;
  base::ByteView previous;  // T(0) is empty
  for (std::uint8_t counter = 1; !out.empty(); ++counter) {
    block = hmac_parts(pseudo_random_key, {previous, info, {&counter, 1}});
    previous = block.expose();
    const std::size_t step = std::min(out.size(), kDigestSize);
    std::copy_n(previous.begin(), step, out.begin());
    out = out.subspan(step);
  }
}

}  // namespace nostr
