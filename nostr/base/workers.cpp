// Worker threads behind one locked queue, and the hop back to the loop.
#include "nostr/base/workers.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "nostr/base/loop_io.h"

namespace base {
namespace asio = boost::asio;

struct Workers::Impl {
  std::mutex mutex;  ///< guards queue and closing
  std::condition_variable ready;
  std::deque<std::function<void()>> queue;
  bool closing = false;
  std::vector<std::thread> threads;

  void work() {
    for (;;) {
      std::function<void()> fn;
      {
        std::unique_lock lock(mutex);
        ready.wait(lock, [this] { return closing || !queue.empty(); });
        if (queue.empty()) return;
        fn = std::move(queue.front());
        queue.pop_front();
      }
      fn();
    }
  }
};

Workers::Workers(std::size_t threads) : impl_(std::make_unique<Impl>()) {
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < threads; ++i)
    impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->ready.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

void Workers::submit(std::function<void()> fn) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->queue.push_back(std::move(fn));
  }
  impl_->ready.notify_one();
}

std::size_t Workers::size() const { return impl_->threads.size(); }

Task<void> detail::run_on(Loop& loop, Workers& workers, std::function<void()> fn) {
  struct Job {
    explicit Job(asio::io_context& io) : ended(io, asio::steady_timer::time_point::max()) {}
    std::function<void()> fn;
    asio::steady_timer ended;  ///< loop thread only
    bool done = false;         ///< loop thread only
  };
  auto job = std::make_shared<Job>(loop.impl().io);
  job->fn = std::move(fn);
  // Refused before it starts when the task is cancelled already.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  const auto state = co_await asio::this_coro::cancellation_state;
  if (throwing && state.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);

  workers.submit([job, &loop] {
    job->fn();
    loop.post([job] {
      job->done = true;
      job->ended.cancel();
    });
  });
  // `fn` may refer to what the awaiting frame keeps alive, so even a cancelled task waits for it.
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!job->done) {
    boost::system::error_code ignored;
    co_await job->ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_await asio::this_coro::throw_if_cancelled(throwing);
  const auto after = co_await asio::this_coro::cancellation_state;
  if (throwing && after.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
}

}  // namespace base
