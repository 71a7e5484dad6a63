// BlobStore: long bodies of skills as files of a home, ciphertext each, named after their hash; and a server
// of theirs for shops that have no web server of their own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "node/home.h"
#include "nostr/base/bytes.h"
#include "nostr/crypto/hash.h"
#include "nostr/net/ws_server.h"

namespace node {

/// Where a home keeps them; any web server may serve that folder.
std::filesystem::path blob_folder(const Home& home);
/// Writes `bytes`, whose hash is the name; on disk when it returns.
base::Result<void> keep_blob(const Home& home, const nostr::Sha256& hash, base::ByteView bytes);

/// Serves GET /HASH until destroyed. Whoever asks gets it: it is ciphertext.
class BlobServer {
 public:
  /// `listen` is address:port; port 0 picks a free one.
  static base::Result<std::unique_ptr<BlobServer>> start(nostr::NetThread& net, const Home& home,
                                                         const std::string& listen);
  ~BlobServer();
  /// "http://127.0.0.1:8080".
  const std::string& url() const { return url_; }

 private:
  BlobServer(std::unique_ptr<nostr::WsServer> server, std::string url);
  std::unique_ptr<nostr::WsServer> server_;
  std::string url_;
};

}  // namespace node
