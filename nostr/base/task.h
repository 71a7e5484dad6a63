// Task<T>: the coroutine type of the app thread, and the rules that keep coroutines safe.
//
// Rules, each of which answers a measured failure:
//  - Parameters are values, or references to an object that owns the coroutine's Scope; never a
//    const T& to a temporary, a string_view or a span (use after scope on every compiler).
//  - A coroutine is a named function or member, not a capturing lambda.
//  - No co_await while a transaction, a lock or an iterator into shared state is alive.
//  - Every wait on the outside has a deadline (base::with_timeout).
//  - Background work is started with Scope::spawn, which owns it; nothing is detached.
//  - After cancellation every later co_await throws again, so clean-up is synchronous.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "nostr/base/result.h"

namespace base {

template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace base
