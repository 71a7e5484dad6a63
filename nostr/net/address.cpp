// URL parsing and address policy; the blocking half of name resolution.
#include "nostr/net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>

namespace nostr {

using base::Errc;
using base::fail;

namespace {

constexpr std::size_t kMaxUrl = 2048;

struct Block {
  std::uint32_t network;
  int prefix;
};

constexpr std::array<Block, 15> kPrivateV4{{
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // RFC 1918
    {0x64400000, 10},  // carrier-grade NAT
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local
    {0xac100000, 12},  // RFC 1918
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // 6to4 relays
    {0xc0a80000, 16},  // RFC 1918
    {0xc6120000, 15},  // benchmarks
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 4},   // multicast
    {0xf0000000, 4},   // reserved
}};

bool private_v4(std::uint32_t address) {
  return std::ranges::any_of(kPrivateV4, [address](const Block& block) {
    return (address ^ block.network) >> (32 - block.prefix) == 0;
  });
}

std::uint32_t read_u32(const unsigned char* bytes) {
  std::uint32_t out = 0;
  std::memcpy(&out, bytes, sizeof out);
  return ntohl(out);
}

bool private_v6(const in6_addr& address) {
  const unsigned char* b = address.s6_addr;
  // Only 2000::/3 is handed out as global unicast; mapped and NAT64 forms hide an IPv4 address.
  if (IN6_IS_ADDR_V4MAPPED(&address)) return private_v4(read_u32(b + 12));
  constexpr unsigned char kNat64[12] = {0x00, 0x64, 0xff, 0x9b};
  if (std::memcmp(b, kNat64, sizeof kNat64) == 0) return private_v4(read_u32(b + 12));
  if ((b[0] & 0xe0U) != 0x20U) return true;
  if (b[0] == 0x20 && b[1] == 0x02) return private_v4(read_u32(b + 2));           // 6to4
  if (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8) return true;  // documentation
  return b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0;                  // Teredo
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, FreeAddresses>;

base::Result<AddressList> look_up(const std::string& host, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0)
    return fail(Errc::kUnavailable, "cannot resolve " + host + ": " + ::gai_strerror(error),
                "check the host name and the network");
  return AddressList(list);
}

bool valid_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == ':';
  });
}

}  // namespace

std::string WsUrl::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

base::Result<WsUrl> parse_ws_url(std::string_view url) {
  const auto bad = [&url](const char* why) {
    return fail(
        Errc::kInvalid,
        std::string("not a websocket URL (") + why + "): " + std::string(url.substr(0, 200)),
        "write it as wss://host or ws://host:port");
  };
  if (url.size() > kMaxUrl) return bad("too long");
  if (std::ranges::any_of(url,
                          [](char c) { return c <= ' ' || c == 0x7f || c == '#' || c == '\\'; }))
    return bad("space, control character or fragment");
  WsUrl out;
  const std::size_t colon_slashes = url.find("://");
  if (colon_slashes == std::string_view::npos) return bad("scheme");
  std::string scheme(url.substr(0, colon_slashes));
  std::ranges::transform(scheme, scheme.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (scheme != "ws" && scheme != "wss") return bad("scheme");
  out.tls = scheme == "wss";
  std::string_view rest = url.substr(scheme.size() + 3);
  const std::size_t path_at = std::min(rest.find_first_of("/?"), rest.size());
  out.path = std::string(rest.substr(path_at));
  if (out.path.empty() || out.path[0] == '?') out.path.insert(0, "/");
  std::string_view authority = rest.substr(0, path_at);
  if (authority.find('@') != std::string_view::npos) return bad("user name");

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return bad("bracket");
    out.host = std::string(authority.substr(1, end - 1));
    std::string_view tail = authority.substr(end + 1);
    if (!tail.empty() && tail[0] != ':') return bad("bracket");
    if (!tail.empty()) port = tail.substr(1);
    if (tail == ":") return bad("port");
  } else {
    const std::size_t colon = authority.find(':');
    out.host = std::string(authority.substr(0, colon));
    if (colon != std::string_view::npos) {
      port = authority.substr(colon + 1);
      if (port.empty()) return bad("port");
    }
  }
  std::ranges::transform(out.host, out.host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (!valid_host(out.host)) return bad("host");
  out.port = out.tls ? 443 : 80;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc{} || end != port.data() + port.size() || out.port == 0)
      return bad("port");
  }
  return out;
}

base::Result<std::vector<std::string>> resolve(const std::string& host) {
  // No name server gets to say where this is (RFC 6761 section 6.3).
  if (host == "localhost") return std::vector<std::string>{"127.0.0.1", "::1"};
  TRY(auto list, look_up(host, is_numeric_address(host) ? AI_NUMERICHOST : 0));
  std::vector<std::string> out;
  for (const addrinfo* item = list.get(); item != nullptr; item = item->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(item->ai_addr, item->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0)
      continue;
    if (std::ranges::find(out, text.data()) == out.end()) out.emplace_back(text.data());
  }
  if (out.empty()) return fail(Errc::kUnavailable, "no address known for " + host);
  return out;
}

bool is_numeric_address(const std::string& host) {
  return look_up(host, AI_NUMERICHOST).has_value();
}

bool is_private_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return private_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return private_v6(v6.sin6_addr);
  }
  return true;
}

bool is_private_address(const std::string& numeric) {
  const auto list = look_up(numeric, AI_NUMERICHOST);
  return !list || is_private_address(*(*list)->ai_addr);
}

}  // namespace nostr
