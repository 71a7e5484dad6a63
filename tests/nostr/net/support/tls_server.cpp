// OpenSSL by hand: a key, a certificate, one accept per connection.
#include "tests/nostr/net/support/tls_server.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>

#include "nostr/base/result.h"
#include "tests/nostr/net/support/raw_client.h"

namespace test {

struct TlsServer::Context {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  SSL_CTX* ssl = SSL_CTX_new(TLS_server_method());

  explicit Context(const std::string& name) {
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME* const subject = X509_get_subject_name(certificate);
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    const std::string alternative = "DNS:" + name;
    X509_EXTENSION* const extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    CHECK(SSL_CTX_use_certificate(ssl, certificate) == 1);
    CHECK(SSL_CTX_use_PrivateKey(ssl, key) == 1);
  }
  ~Context() {
    SSL_CTX_free(ssl);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void serve(int fd) const {
    SSL* const session = SSL_new(ssl);
    SSL_set_fd(session, fd);
    if (SSL_accept(session) == 1) {
      std::string request;
      std::array<char, 4096> buffer{};
      int got = 0;
      while (request.find("\r\n\r\n") == std::string::npos &&
             (got = SSL_read(session, buffer.data(), static_cast<int>(buffer.size()))) > 0)
        request.append(buffer.data(), static_cast<std::size_t>(got));
      const std::string reply = upgrade_reply(request);
      SSL_write(session, reply.data(), static_cast<int>(reply.size()));
      while (SSL_read(session, buffer.data(), static_cast<int>(buffer.size())) > 0) {
      }
    }
    SSL_free(session);
  }
};

TlsServer::TlsServer(const std::string& name) : context_(std::make_unique<Context>(name)) {
  std::string path = "/tmp/tls-server-XXXXXX";
  const int fd = ::mkstemp(path.data());
  CHECK(fd >= 0);
  FILE* const file = ::fdopen(fd, "w");
  CHECK(PEM_write_X509(file, context_->certificate) == 1);
  ::fclose(file);
  ca_file_ = path;
  server_ =
      std::make_unique<RawServer>([this](RawConnection& peer) { context_->serve(peer.fd()); });
}

TlsServer::~TlsServer() {
  server_.reset();
  ::unlink(ca_file_.c_str());
}

std::uint16_t TlsServer::port() const {
  return server_->port();
}

}  // namespace test
