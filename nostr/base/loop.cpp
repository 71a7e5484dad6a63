// The app loop over asio: the one file that knows timers, parallel groups and co_spawn.
#include "nostr/base/loop.h"

#include <csignal>
#include <exception>
#include <list>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "nostr/base/log.h"
#include "nostr/base/loop_io.h"

namespace base {
namespace asio = boost::asio;

namespace {

/// Marks the current thread as the loop's for as long as it runs handlers.
class OwnerMark {
 public:
  explicit OwnerMark(std::atomic<std::thread::id>& owner) : owner_(owner), before_(owner.load()) {
    owner_ = std::this_thread::get_id();
  }
  ~OwnerMark() { owner_ = before_; }
  OwnerMark(const OwnerMark&) = delete;
  OwnerMark& operator=(const OwnerMark&) = delete;

 private:
  std::atomic<std::thread::id>& owner_;
  std::thread::id before_;
};

bool is_cancellation(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

std::string describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "unknown exception";
  }
}

/// Gives the spawner its thread back before `task` begins.
Task<void> start_next_turn(Task<void> task) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  co_await std::move(task);
}

}  // namespace

void Loop::Impl::report(const std::string& name, std::exception_ptr error) {
  if (!error || is_cancellation(error)) return;
  ++failures;
  LOG(kError, "loop", "exception left a coroutine", {{"name", name}, {"what", describe(error)}});
}

void Loop::Impl::arm_signals() {
  signals->async_wait([this](const boost::system::error_code& ec, int number) {
    if (ec) return;
    arm_signals();
    const auto callback = on_signal;
    if (callback) callback(number);
  });
}

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

std::size_t Loop::run() {
  const OwnerMark mark(impl_->owner);
  impl_->io.restart();
  for (;;) {
    try {
      impl_->io.run();
      return impl_->failures;
    } catch (...) {
      impl_->report("posted function", std::current_exception());
    }
  }
}

void Loop::stop() { impl_->io.stop(); }

void Loop::post(std::function<void()> fn) { asio::post(impl_->io, std::move(fn)); }

void Loop::check() const {
  const std::thread::id owner = impl_->owner.load();
  CHECK(owner == std::thread::id{} || owner == std::this_thread::get_id());
}

void Loop::on_signal(std::function<void(int)> callback) {
  impl_->on_signal = std::move(callback);
  if (impl_->signals) return;
  impl_->signals = std::make_unique<asio::signal_set>(impl_->io, SIGINT, SIGTERM);
  impl_->arm_signals();
}

void Loop::drive(Task<void> task) {
  const OwnerMark mark(impl_->owner);
  bool done = false;
  std::exception_ptr failure;
  asio::co_spawn(impl_->io, std::move(task), [&](std::exception_ptr error) {
    done = true;
    failure = error;
  });
  while (!done) {
    try {
      if (impl_->io.run_one() == 0) impl_->io.restart();
    } catch (...) {
      impl_->report("posted function", std::current_exception());
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// --- Scope ---

struct Scope::Impl {
  struct Running {
    std::string name;
    asio::cancellation_signal cancel;
  };
  explicit Impl(Loop& l) : loop(l), ended(l.impl().io) {
    ended.expires_at(asio::steady_timer::time_point::max());
  }

  Loop& loop;
  std::list<std::shared_ptr<Running>> tasks;
  asio::steady_timer ended;  ///< cancelled whenever a task ends while somebody waits in stop()
  bool stopping = false;
};

Scope::Scope(Loop& loop) : impl_(std::make_shared<Impl>(loop)) {}
Scope::~Scope() { CHECK(impl_->tasks.empty()); }

std::size_t Scope::running() const { return impl_->tasks.size(); }

void Scope::spawn(std::string name, Task<void> task) {
  if (impl_->stopping) return;
  impl_->loop.check();
  auto running = std::make_shared<Impl::Running>();
  running->name = std::move(name);
  impl_->tasks.push_back(running);
  auto on_end = [impl = impl_, running](std::exception_ptr error) {
    impl->loop.impl().report(running->name, error);
    impl->tasks.remove(running);
    if (impl->tasks.empty()) impl->ended.cancel();
  };
  asio::co_spawn(impl_->loop.impl().io, start_next_turn(std::move(task)),
                 asio::bind_cancellation_slot(running->cancel.slot(), std::move(on_end)));
}

Task<void> Scope::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  // A copy: tasks that end while they are cancelled leave the list.
  const std::vector<std::shared_ptr<Impl::Running>> present(impl->tasks.begin(), impl->tasks.end());
  for (const auto& running : present) running->cancel.emit(asio::cancellation_type::all);
  // The promise "nothing runs afterwards" holds even when the waiter itself is being cancelled.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!impl->tasks.empty()) {
    boost::system::error_code ignored;
    co_await impl->ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_await asio::this_coro::throw_if_cancelled(throwing);
}

// --- waiting ---

Task<void> sleep_for(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

Task<void> next_turn() {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

Task<bool> race_against_timer(std::chrono::milliseconds limit, Task<void> task) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, limit);
  auto [order, failure, timer_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(task), asio::deferred),
          timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  const bool task_first = order[0] == 0;
  // A loser that was cancelled by the group ends in operation_aborted; anything else is news.
  if (failure && (task_first || !is_cancellation(failure))) std::rethrow_exception(failure);
  if (task_first) co_return true;
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
  co_return false;
}

Error detail::timeout_error(const std::string& what, std::chrono::milliseconds limit) {
  return {Errc::kTimeout, what + " took longer than " + std::to_string(limit.count()) + " ms", ""};
}

// --- Signal ---

struct Signal::Impl {
  struct Waiter {
    explicit Waiter(asio::any_io_executor executor, std::chrono::milliseconds limit)
        : timer(std::move(executor), limit) {}
    asio::steady_timer timer;
    bool notified = false;
  };
  explicit Impl(Loop& l) : loop(l) {}
  Loop& loop;
  std::list<Waiter*> waiters;
};

namespace {

/// Takes a waiter off its list again, however its coroutine ends.
template <class List>
class Registered {
 public:
  Registered(List& list, typename List::value_type item) : list_(list) {
    place_ = list_.insert(list_.end(), item);
  }
  ~Registered() { list_.erase(place_); }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;

 private:
  List& list_;
  typename List::iterator place_;
};

}  // namespace

Signal::Signal(Loop& loop) : impl_(std::make_shared<Impl>(loop)) {}
Signal::~Signal() = default;

void Signal::notify() {
  impl_->loop.check();
  for (Impl::Waiter* waiter : impl_->waiters) {
    waiter->notified = true;
    waiter->timer.cancel();
  }
}

Task<bool> Signal::wait_for(std::chrono::milliseconds limit) {
  const std::shared_ptr<Impl> impl = impl_;
  Impl::Waiter waiter(co_await asio::this_coro::executor, limit);
  const Registered registered(impl->waiters, &waiter);
  boost::system::error_code ended;
  co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  if (waiter.notified) co_return true;
  if (ended) throw boost::system::system_error(ended);
  co_return false;
}

}  // namespace base
