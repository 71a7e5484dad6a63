// What the loop is made of, for the few files that talk to asio themselves: loop.cpp, unix sockets
// and child processes.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "nostr/base/loop.h"

namespace base {

struct Loop::Impl {
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::atomic<std::thread::id> owner{};     ///< the thread inside run(), or none
  std::size_t failures = 0;                 ///< loop thread only
  std::unique_ptr<boost::asio::signal_set> signals;
  std::function<void(int)> on_signal;

  void arm_signals();
  /// Logs what left the coroutine or handler `name`; silent for a cancellation.
  void report(const std::string& name, std::exception_ptr error);
};

}  // namespace base
