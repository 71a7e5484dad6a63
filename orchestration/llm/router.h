// Router: which of several backends answers a request — able, healthy, and in the order its agent wants.
//
// It makes no calls and reads no clock: llm/caller.h asks it before each attempt and tells it how that went.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/llm/backend.h"

namespace orchestration {

using RouterTime = std::chrono::steady_clock::time_point;

/// What a backend can do, as configured; a server that turns out to lack something loses it here.
struct Capabilities {
  bool tools = true;
  bool images = false;
  bool json = true;
  std::uint64_t context_tokens = 0;  ///< 0: not known, any size is tried
};

/// What a request takes.
struct Needs {
  bool tools = false;
  bool images = false;
  bool json = false;
  std::uint64_t context_tokens = 0;  ///< prompt as estimated plus what may be answered
  std::uint64_t wider_than = 0;      ///< a window of this size has proved too small
};
Needs needs_of(const Request& request);

struct RouterEntry {
  Backend* backend = nullptr;  ///< outlives the router
  Capabilities supports;
  /// Backends of one account share its rate limit and its credit; empty: an account of its own.
  std::string account;
  std::uint32_t max_concurrency = 0;  ///< 0: any number
  std::uint32_t rpm = 0;              ///< requests in any minute; 0: any number
  std::uint64_t tpm = 0;              ///< tokens in any minute, read and written; 0: any number
  bool enabled = true;
  std::chrono::milliseconds timeout{600'000};  ///< of one attempt
};

/// Agents whose name fits `agent` go to the backends whose id or model fits `targets`, in this order. `*` is
/// any text; case does not matter. Of several routes the one with the most literal letters counts.
struct Route {
  std::string agent;
  std::vector<std::string> targets;
};

struct BreakerPolicy {
  std::uint32_t failures = 5;  ///< in a row that open it
  std::chrono::milliseconds open_for{30'000};
  std::chrono::milliseconds unauthorised_for{60'000};  ///< how long a refused key or model is left alone
};

/// A backend passed over, and why.
struct Rejection {
  std::string backend;
  std::string why;
  std::optional<RouterTime> until;  ///< when that may have changed by itself
  bool too_long = false;            ///< its window is too small for what was asked
};

/// What `backend list` and status show.
struct BackendView {
  std::string id;
  std::string model;
  std::string state;  ///< ready | disabled | open | probing | cooling | unauthorised | busy | paced
  std::string why;
  Capabilities supports;
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;
  Usage used;  ///< tokens, since the start
};

/// App thread.
class Router {
 public:
  explicit Router(BreakerPolicy breaker = {}) : breaker_(breaker) {}
  /// One backend for everybody.
  explicit Router(Backend& only);

  /// kConflict when the id is taken.
  base::Result<void> add(RouterEntry entry);
  /// kNotFound when a target fits no backend.
  base::Result<void> add_route(Route route);

  /// Held while a backend is at work: it counts against its concurrency, and is the one probe of a breaker
  /// that is half open.
  class Lease {
   public:
    Lease(Router& router, std::size_t index, std::uint64_t call) : router_(&router), index_(index), call_(call) {}
    Lease(Lease&& other) noexcept
        : router_(std::exchange(other.router_, nullptr)), index_(other.index_), call_(other.call_) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Backend& backend() const;
    const Capabilities& supports() const;
    std::chrono::milliseconds timeout() const;
    void succeeded(const Usage& used);
    void failed(const ModelFailure& failure, const Needs& needs, RouterTime now);

   private:
    Router* router_;
    std::size_t index_;
    std::uint64_t call_;  ///< its number among those of the backend
  };

  struct Choice {
    std::optional<Lease> lease;
    std::vector<Rejection> rejected;  ///< in order, those before the chosen one
  };
  /// The first backend on the agent's route that can and may answer. `passed_over` says why the caller wants
  /// another one, or nothing.
  Choice choose(const std::string& agent, const Needs& needs, RouterTime now,
                const std::function<std::optional<Rejection>(const std::string& id)>& passed_over);

  /// Name of the model an agent's turns begin with, for records.
  std::string first_model(const std::string& agent) const;
  /// What the backend can do that the agent's turns begin with; nullopt when none is on the route.
  std::optional<Capabilities> first_supports(const std::string& agent) const;
  /// Takes the keys of all backends out of a text that is going to be recorded.
  void hide_secrets(std::string& text) const;
  /// Ids on the agent's route, in order.
  std::vector<std::string> route_of(const std::string& agent) const;
  std::vector<BackendView> view(RouterTime now) const;

 private:
  /// A call of the last minute.
  struct Spent {
    std::uint64_t call = 0;
    RouterTime at;
    std::uint64_t tokens = 0;  ///< as estimated, until it is known better
  };
  struct Health {
    std::uint32_t in_a_row = 0;
    std::optional<RouterTime> open_until;
    std::optional<RouterTime> unauthorised_until;
    bool probing = false;
    std::uint32_t running = 0;
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;
    Usage used;
    std::string last;  ///< words of the last failure
    std::deque<Spent> recent;  ///< oldest first
  };
  struct Slot {
    RouterEntry entry;
    Health health;
  };
  std::vector<std::size_t> candidates(const std::string& agent) const;
  std::optional<Rejection> unfit(const Slot& slot, const Needs& needs) const;
  std::optional<Rejection> unwell(const Slot& slot, RouterTime now) const;
  std::optional<Rejection> paced(const Slot& slot, const Needs& needs, RouterTime now) const;
  std::optional<RouterTime> cooling(const Slot& slot) const;

  BreakerPolicy breaker_;
  std::vector<Slot> slots_;  ///< sorted by id
  std::vector<Route> routes_;
  std::map<std::string, RouterTime> cooldown_;  ///< by account
};

/// Whether `text` fits `pattern`: `*` is any text, case does not matter.
bool fits_pattern(std::string_view pattern, std::string_view text);

}  // namespace orchestration
