// ChaCha20, AES-256-CBC and AES-256-GCM through OpenSSL's EVP interface.
#include "nostr/crypto/cipher.h"

#include <algorithm>
#include <array>
#include <climits>
#include <memory>

#include <openssl/evp.h>

namespace nostr {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kAesBlock = 16;

struct FreeContext {
  // Freeing also cleanses the key schedule.
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const EVP_CIPHER* chacha20() {
  static EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "ChaCha20", nullptr);
  CHECK(fetched != nullptr);
  return fetched;
}

const EVP_CIPHER* aes256_cbc() {
  static EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  CHECK(fetched != nullptr);
  return fetched;
}

enum class Direction : int { kDecrypt = 0, kEncrypt = 1 };

Context begin(const EVP_CIPHER* cipher, base::ByteView key, base::ByteView iv,
              Direction direction) {
  CHECK(key.size() == kKeySize);
  Context context(EVP_CIPHER_CTX_new());
  CHECK(context != nullptr);
  CHECK(EVP_CipherInit_ex2(context.get(), cipher, key.data(), iv.data(),
                           static_cast<int>(direction), nullptr) == 1);
  return context;
}

int length(std::size_t size) {
  CHECK(size <= INT_MAX - kAesBlock);
  return static_cast<int>(size);
}

}  // namespace

void chacha20_xor(base::ByteView key, base::ByteView nonce, std::span<std::uint8_t> data) {
  CHECK(nonce.size() == 12);
  // OpenSSL takes the block counter (32 bits, little endian, zero here) in front of the nonce.
  std::array<std::uint8_t, 16> iv{};
  std::ranges::copy(nonce, iv.begin() + 4);
  const Context context = begin(chacha20(), key, iv, Direction::kEncrypt);
  int written = 0;
  CHECK(EVP_CipherUpdate(context.get(), data.data(), &written, data.data(), length(data.size())) ==
        1);
}

base::Bytes aes256_cbc_encrypt(base::ByteView key, base::ByteView iv, base::ByteView plaintext) {
  CHECK(iv.size() == kAesBlock);
  const Context context = begin(aes256_cbc(), key, iv, Direction::kEncrypt);
  base::Bytes out(plaintext.size() + kAesBlock);
  int written = 0;
  int last = 0;
  CHECK(EVP_CipherUpdate(context.get(), out.data(), &written, plaintext.data(),
                         length(plaintext.size())) == 1);
  CHECK(EVP_CipherFinal_ex(context.get(), out.data() + written, &last) == 1);
  out.resize(static_cast<std::size_t>(written + last));
  return out;
}

base::Result<base::Bytes> aes256_cbc_decrypt(base::ByteView key, base::ByteView iv,
                                             base::ByteView ciphertext) {
  CHECK(iv.size() == kAesBlock);
  if (ciphertext.empty() || ciphertext.size() % kAesBlock != 0)
    return base::fail(base::Errc::kCrypto, "ciphertext is not a whole number of 16-byte blocks");
  const Context context = begin(aes256_cbc(), key, iv, Direction::kDecrypt);
  base::Bytes out(ciphertext.size() + kAesBlock);
  int written = 0;
  int last = 0;
  CHECK(EVP_CipherUpdate(context.get(), out.data(), &written, ciphertext.data(),
                         length(ciphertext.size())) == 1);
  if (EVP_CipherFinal_ex(context.get(), out.data() + written, &last) != 1) {
    base::wipe(out);
    return base::fail(base::Errc::kCrypto, "ciphertext does not end in valid padding");
  }
  out.resize(static_cast<std::size_t>(written + last));
  return out;
}

base::Bytes aes256_gcm_encrypt(base::ByteView key, base::ByteView iv, base::ByteView plaintext) {
  constexpr std::size_t kTag = 16;
  CHECK(key.size() == kKeySize && !iv.empty() && iv.size() <= 64);
  const Context context(EVP_CIPHER_CTX_new());
  CHECK(context != nullptr);
  CHECK(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_IVLEN, length(iv.size()), nullptr) == 1);
  CHECK(EVP_EncryptInit_ex(context.get(), nullptr, nullptr, key.data(), iv.data()) == 1);
  base::Bytes out(plaintext.size() + kTag);
  int written = 0;
  int last = 0;
  CHECK(EVP_EncryptUpdate(context.get(), out.data(), &written, plaintext.data(),
                          length(plaintext.size())) == 1);
  CHECK(EVP_EncryptFinal_ex(context.get(), out.data() + written, &last) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, length(kTag),
                            out.data() + plaintext.size()) == 1);
  return out;
}

base::Result<base::Bytes> aes256_gcm_decrypt(base::ByteView key, base::ByteView iv,
                                             base::ByteView sealed) {
  constexpr std::size_t kTag = 16;
  CHECK(key.size() == kKeySize && !iv.empty() && iv.size() <= 64);
  const auto refuse = [] {
    return base::fail(base::Errc::kCrypto, "the tag does not fit key and ciphertext");
  };
  if (sealed.size() < kTag) return refuse();
  const base::ByteView ciphertext = sealed.first(sealed.size() - kTag);
  std::array<std::uint8_t, kTag> tag{};
  std::ranges::copy(sealed.last(kTag), tag.begin());
  Context context(EVP_CIPHER_CTX_new());
  CHECK(context != nullptr);
  // The length of the IV has to be known before the IV.
  CHECK(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_IVLEN, length(iv.size()), nullptr) == 1);
  CHECK(EVP_DecryptInit_ex(context.get(), nullptr, nullptr, key.data(), iv.data()) == 1);
  base::Bytes out(ciphertext.size());
  int written = 0;
  int last = 0;
  CHECK(EVP_DecryptUpdate(context.get(), out.data(), &written, ciphertext.data(),
                          length(ciphertext.size())) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, length(kTag), tag.data()) == 1);
  if (EVP_DecryptFinal_ex(context.get(), out.data() + written, &last) != 1) {
    base::wipe(out);
    return refuse();
  }
  return out;
}

base::Secret<32> pbkdf2_sha256(base::ByteView password, base::ByteView salt, int iterations) {
  base::Secret<32> out;
  CHECK(PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(password.data()), length(password.size()),
                          salt.data(), length(salt.size()), iterations, EVP_sha256(),
                          static_cast<int>(out.expose().size()), out.expose_mutable().data()) == 1);
  return out;
}

}  // namespace nostr
