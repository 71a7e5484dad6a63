// What a service manager (systemd) wants to hear: ready, alive, stopping. Silence without one.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace node {

/// Sends `state` ("READY=1", …) as one datagram to $NOTIFY_SOCKET. False when nobody listens there.
bool tell_service_manager(std::string_view state);
/// How often it wants to hear WATCHDOG=1, by $WATCHDOG_USEC; nullopt when it does not.
std::optional<std::chrono::milliseconds> watchdog_period();

}  // namespace node
