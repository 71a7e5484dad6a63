#include "nostr/base/loop_together.h"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace base {

namespace asio = boost::asio;

Task<void> all_of(std::vector<Task<void>> tasks) {
  if (tasks.empty()) co_return;
  const auto executor = co_await asio::this_coro::executor;
  using Started = decltype(asio::co_spawn(executor, std::move(tasks.front()), asio::deferred));
  std::vector<Started> group;
  for (Task<void>& task : tasks) group.push_back(asio::co_spawn(executor, std::move(task), asio::deferred));
  auto [order, failures] =
      co_await asio::experimental::make_parallel_group(std::move(group))
          .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
  for (const std::size_t place : order)
    if (failures[place]) std::rethrow_exception(failures[place]);
}

}  // namespace base
