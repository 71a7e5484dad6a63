// Addresses: websocket URLs taken apart, names resolved, private networks told from public ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/result.h"

struct sockaddr;

namespace nostr {

/// A ws:// or wss:// URL in parts.
struct WsUrl {
  bool tls = false;
  std::string host;  ///< lower case, IPv6 without brackets
  std::uint16_t port = 0;
  std::string path;  ///< begins with "/", holds the query

  /// The Host header: brackets around IPv6, the port unless it is the default one.
  std::string authority() const;
};

/// kInvalid naming what is wrong with `url`. User names and fragments are refused.
base::Result<WsUrl> parse_ws_url(std::string_view url);

/// The numeric addresses of `host`, in the system's order of preference; blocks while a name is
/// looked up, never for a numeric host. kUnavailable when the name does not resolve.
base::Result<std::vector<std::string>> resolve(const std::string& host);

/// Whether `host` is a numeric address that needs no look-up.
bool is_numeric_address(const std::string& host);

/// Loopback, RFC 1918, carrier-grade NAT, link-local, unique-local, unspecified, multicast,
/// documentation and mapped forms of these: what a stranger's URL must not make us reach.
bool is_private_address(const sockaddr& address);
/// The same for numeric text; text that is no address counts as private.
bool is_private_address(const std::string& numeric);

}  // namespace nostr
