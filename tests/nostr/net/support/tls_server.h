// A TLS peer with a certificate of its own making, which upgrades one websocket and then waits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/nostr/net/support/raw_server.h"

namespace test {

/// Serves wss:// under a self-signed certificate for the DNS name `name`.
class TlsServer {
 public:
  explicit TlsServer(const std::string& name);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::uint16_t port() const;
  /// The certificate as a PEM file, for NetOptions::ca_file; removed with the server.
  const std::string& ca_file() const { return ca_file_; }

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  std::string ca_file_;
  std::unique_ptr<RawServer> server_;
};

}  // namespace test
