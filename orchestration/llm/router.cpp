// Order, ability, health: in this order a backend is looked at.
#include "orchestration/llm/router.h"

#include <algorithm>

#include <fmt/format.h>

#include "orchestration/llm/reply_parts.h"

namespace orchestration {
namespace {

using base::Errc;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kMinute{60};

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t literal_letters(std::string_view pattern) {
  return pattern.size() - static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '*'));
}

std::string seconds_left(RouterTime until, RouterTime now) {
  return fmt::format("{} s", std::chrono::ceil<std::chrono::seconds>(until - now).count());
}

/// The account whose limits a backend shares.
const std::string& account_of(const RouterEntry& entry) {
  return entry.account.empty() ? entry.backend->id() : entry.account;
}

/// Failures that speak of the server's health, not of the request or the account.
bool counts(ModelFault fault) {
  switch (fault) {
    case ModelFault::kTransport:
    case ModelFault::kServer:
    case ModelFault::kTruncated:
    case ModelFault::kProtocol:
    case ModelFault::kTimeout:
      return true;
    case ModelFault::kRateLimited:
    case ModelFault::kContextTooLong:
    case ModelFault::kRefused:
    case ModelFault::kUnauthorised:
    case ModelFault::kUnsupported:
      return false;
  }
  return false;
}

}  // namespace

bool fits_pattern(std::string_view pattern, std::string_view text) {
  // The last star met, and where its text began: the only place to go back to.
  std::size_t star = pattern.npos, star_text = 0, p = 0, t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && folded(pattern[p]) == folded(text[t])) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

Needs needs_of(const Request& request) {
  return {.tools = !request.tools.empty(),
          .images = !request.images.empty(),
          .json = request.answer_schema.has_value(),
          .context_tokens = estimate_tokens(prompt_bytes(request)) + request.max_output_tokens};
}

Router::Router(Backend& only) {
  slots_.push_back({.entry = {.backend = &only, .supports = {.images = true}}, .health = {}});
  routes_.push_back({.agent = "*", .targets = {"*"}});
}

base::Result<void> Router::add(RouterEntry entry) {
  const auto at = std::lower_bound(slots_.begin(), slots_.end(), entry.backend->id(),
                                   [](const Slot& slot, const std::string& id) { return slot.entry.backend->id() < id; });
  if (at != slots_.end() && at->entry.backend->id() == entry.backend->id())
    return base::fail(Errc::kConflict, "two backends are called " + entry.backend->id());
  slots_.insert(at, Slot{.entry = std::move(entry), .health = {}});
  return {};
}

base::Result<void> Router::add_route(Route route) {
  for (const std::string& target : route.targets) {
    const bool any = std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
      return fits_pattern(target, slot.entry.backend->id()) || fits_pattern(target, slot.entry.backend->model());
    });
    if (!any) return base::fail(Errc::kNotFound, fmt::format("\"{}\" fits neither id nor model of a backend", target));
  }
  routes_.push_back(std::move(route));
  return {};
}

std::vector<std::size_t> Router::candidates(const std::string& agent) const {
  const Route* best = nullptr;
  for (const Route& route : routes_)
    if (fits_pattern(route.agent, agent) && (!best || literal_letters(route.agent) > literal_letters(best->agent)))
      best = &route;
  std::vector<std::size_t> out;
  if (!best) return out;
  for (const std::string& target : best->targets)
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const Backend& backend = *slots_[i].entry.backend;
      const bool fits = fits_pattern(target, backend.id()) || fits_pattern(target, backend.model());
      if (fits && std::find(out.begin(), out.end(), i) == out.end()) out.push_back(i);
    }
  return out;
}

std::optional<Rejection> Router::unfit(const Slot& slot, const Needs& needs) const {
  const Capabilities& can = slot.entry.supports;
  const auto because = [&](std::string why) {
    return Rejection{.backend = slot.entry.backend->id(), .why = std::move(why), .until = std::nullopt};
  };
  if (!slot.entry.enabled) return because("disabled");
  if (needs.tools && !can.tools) return because("takes no tools");
  if (needs.images && !can.images) return because("takes no images");
  if (needs.json && !can.json) return because("has no JSON mode");
  if (can.context_tokens > 0 && needs.context_tokens > can.context_tokens)
    return Rejection{.backend = slot.entry.backend->id(),
                     .why = fmt::format("about {} tokens do not fit into {}", needs.context_tokens, can.context_tokens),
                     .until = std::nullopt,
                     .too_long = true};
  if (needs.wider_than > 0 && can.context_tokens <= needs.wider_than)
    return because(fmt::format("its window is not known to be wider than {}", needs.wider_than));
  return std::nullopt;
}

std::optional<RouterTime> Router::cooling(const Slot& slot) const {
  const auto found = cooldown_.find(account_of(slot.entry));
  return found == cooldown_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Rejection> Router::unwell(const Slot& slot, RouterTime now) const {
  const Health& health = slot.health;
  const auto because = [&](std::string why, std::optional<RouterTime> until) {
    return Rejection{.backend = slot.entry.backend->id(), .why = std::move(why), .until = until};
  };
  if (health.unauthorised_until && *health.unauthorised_until > now)
    return because("refused before: " + health.last, std::nullopt);
  if (const auto until = cooling(slot); until && *until > now)
    return because("rate limited for " + seconds_left(*until, now), until);
  if (health.open_until && *health.open_until > now)
    return because(fmt::format("failed {} times in a row, left alone for {}", health.in_a_row,
                               seconds_left(*health.open_until, now)),
                   health.open_until);
  if (health.probing) return because("is being tried again", now + milliseconds{250});
  if (slot.entry.max_concurrency > 0 && health.running >= slot.entry.max_concurrency)
    return because(fmt::format("{} calls are under way", health.running), now + milliseconds{100});
  return std::nullopt;
}

/// Whether one more call would be one too many for a minute: providers count calls and tokens, and refuse.
std::optional<Rejection> Router::paced(const Slot& slot, const Needs& needs, RouterTime now) const {
  const auto& recent = slot.health.recent;
  const auto first = std::find_if(recent.begin(), recent.end(), [&](const Spent& one) { return one.at + kMinute > now; });
  const auto calls = static_cast<std::size_t>(recent.end() - first);
  const auto because = [&](std::string why, RouterTime since) {
    return Rejection{.backend = slot.entry.backend->id(), .why = std::move(why), .until = since + kMinute};
  };
  if (slot.entry.rpm > 0 && calls >= slot.entry.rpm)
    return because(fmt::format("{} calls in a minute are its limit", slot.entry.rpm),
                   (recent.end() - static_cast<std::ptrdiff_t>(slot.entry.rpm))->at);
  std::uint64_t tokens = needs.context_tokens;
  for (auto one = first; one != recent.end(); ++one) tokens += one->tokens;
  // What is too much by itself is let through when nothing else is there: waiting would not make it less.
  if (slot.entry.tpm == 0 || calls == 0 || tokens <= slot.entry.tpm) return std::nullopt;
  auto last = first;
  while (last + 1 != recent.end() && tokens - last->tokens > slot.entry.tpm) tokens -= (last++)->tokens;
  return because(fmt::format("{} tokens in a minute are its limit", slot.entry.tpm), last->at);
}

Router::Choice Router::choose(const std::string& agent, const Needs& needs, RouterTime now,
                              const std::function<std::optional<Rejection>(const std::string& id)>& passed_over) {
  Choice out;
  for (const std::size_t index : candidates(agent)) {
    Slot& slot = slots_[index];
    auto no = unfit(slot, needs);
    if (!no) no = passed_over(slot.entry.backend->id());
    if (!no) no = unwell(slot, now);
    if (!no) no = paced(slot, needs, now);
    if (no) {
      out.rejected.push_back(*std::move(no));
      continue;
    }
    slot.health.probing = slot.health.open_until.has_value();
    ++slot.health.running;
    ++slot.health.calls;
    auto& recent = slot.health.recent;
    while (!recent.empty() && recent.front().at + kMinute <= now) recent.pop_front();
    if (slot.entry.rpm > 0 || slot.entry.tpm > 0) recent.push_back({slot.health.calls, now, needs.context_tokens});
    out.lease.emplace(*this, index, slot.health.calls);
    return out;
  }
  return out;
}

Router::Lease::~Lease() {
  if (!router_) return;
  Health& health = router_->slots_[index_].health;
  --health.running;
  health.probing = false;
}

Backend& Router::Lease::backend() const { return *router_->slots_[index_].entry.backend; }
const Capabilities& Router::Lease::supports() const { return router_->slots_[index_].entry.supports; }
milliseconds Router::Lease::timeout() const { return router_->slots_[index_].entry.timeout; }

void Router::Lease::succeeded(const Usage& used) {
  Health& health = router_->slots_[index_].health;
  for (Spent& one : health.recent)
    if (one.call == call_) one.tokens = used.prompt_tokens + used.completion_tokens;
  health.used.prompt_tokens += used.prompt_tokens;
  health.used.cached_tokens += used.cached_tokens;
  health.used.completion_tokens += used.completion_tokens;
  health.in_a_row = 0;
  health.open_until.reset();
  health.unauthorised_until.reset();
}

void Router::Lease::failed(const ModelFailure& failure, const Needs& needs, RouterTime now) {
  Slot& slot = router_->slots_[index_];
  Health& health = slot.health;
  ++health.failures;
  health.last = failure.error.detail;
  if (failure.fault == ModelFault::kUnauthorised) health.unauthorised_until = now + router_->breaker_.unauthorised_for;
  if (failure.fault == ModelFault::kUnsupported) (needs.images ? slot.entry.supports.images : slot.entry.supports.tools) = false;
  if (failure.fault == ModelFault::kRateLimited && failure.retry_after)
    router_->cooldown_[account_of(slot.entry)] = now + *failure.retry_after;
  if (!counts(failure.fault)) return;
  // A probe that fails opens it again at once.
  if (++health.in_a_row >= router_->breaker_.failures) health.open_until = now + router_->breaker_.open_for;
}

std::string Router::first_model(const std::string& agent) const {
  const auto order = candidates(agent);
  return order.empty() ? "" : slots_[order.front()].entry.backend->model();
}

std::optional<Capabilities> Router::first_supports(const std::string& agent) const {
  const auto order = candidates(agent);
  if (order.empty()) return std::nullopt;
  return slots_[order.front()].entry.supports;
}

std::vector<std::string> Router::route_of(const std::string& agent) const {
  std::vector<std::string> out;
  for (const std::size_t index : candidates(agent)) out.push_back(slots_[index].entry.backend->id());
  return out;
}

void Router::hide_secrets(std::string& text) const {
  for (const Slot& slot : slots_) slot.entry.backend->hide_secrets(text);
}

std::vector<BackendView> Router::view(RouterTime now) const {
  std::vector<BackendView> out;
  for (const Slot& slot : slots_) {
    const Health& health = slot.health;
    BackendView one{.id = slot.entry.backend->id(),
                    .model = slot.entry.backend->model(),
                    .state = "ready",
                    .why = "",
                    .supports = slot.entry.supports,
                    .calls = health.calls,
                    .failures = health.failures,
                    .used = health.used};
    if (const auto no = unwell(slot, now)) {
      one.why = no->why;
      const auto cool = cooling(slot);
      one.state = health.unauthorised_until && *health.unauthorised_until > now ? "unauthorised"
                  : cool && *cool > now                                         ? "cooling"
                  : health.open_until && *health.open_until > now               ? "open"
                  : health.probing                                              ? "probing"
                                                                                : "busy";
    } else if (const auto pace = paced(slot, {}, now)) {
      one.why = pace->why;
      one.state = "paced";
    }
    if (!slot.entry.enabled) one.state = "disabled";
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace orchestration
