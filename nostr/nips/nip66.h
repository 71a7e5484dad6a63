// NIP-66: what monitors find out about relays, and monitors about themselves.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

/// A key of a list that may also be denied: `auth`, or `!auth`.
struct RelayTrait {
  std::string name;
  bool holds = true;  ///< false when written with a leading !
  friend bool operator==(const RelayTrait&, const RelayTrait&) = default;
};

/// One relay as a monitor saw it (kind 30166).
struct RelayReport {
  std::string relay;    ///< `d`: a normalised URL, or a hex key where there is no URL
  std::string network;  ///< "clearnet", "tor", "i2p", "loki"; "" when not said
  std::string type;     ///< PascalCase, e.g. "PrivateInbox"
  std::optional<std::chrono::milliseconds> open;
  std::optional<std::chrono::milliseconds> read;
  std::optional<std::chrono::milliseconds> write;
  std::vector<int> nips;
  std::vector<RelayTrait> requirements;  ///< auth, writes, pow, payment
  std::vector<RelayTrait> kinds;         ///< decimal numbers
  std::vector<std::string> topics;
  std::string geohash;
  std::string info;  ///< the NIP-11 document, "" without one
  friend bool operator==(const RelayReport&, const RelayReport&) = default;
};
Draft build_relay_report(const RelayReport& report, UnixTime at);
/// Liberal: values that are none are left out, at most 256 per list are kept. kInvalid for another
/// kind, or a `d` that is neither a relay URL nor a key.
base::Result<RelayReport> parse_relay_report(const Event& event);

struct MonitorTimeout {
  std::string check;  ///< "" means every check
  std::chrono::milliseconds timeout{0};
  friend bool operator==(const MonitorTimeout&, const MonitorTimeout&) = default;
};
/// A monitor's announcement (kind 10166).
struct RelayMonitor {
  std::optional<std::chrono::seconds> frequency;  ///< between two reports of one relay
  std::vector<MonitorTimeout> timeouts;
  std::vector<std::string> checks;  ///< open, read, write, auth, nip11, dns, geo
  std::string geohash;
  friend bool operator==(const RelayMonitor&, const RelayMonitor&) = default;
};
Draft build_relay_monitor(const RelayMonitor& monitor, UnixTime at);
/// Liberal as parse_relay_report; a timeout is read with its check before or behind the number,
/// because the NIP's text and its example differ.
base::Result<RelayMonitor> parse_relay_monitor(const Event& event);

}  // namespace nostr
