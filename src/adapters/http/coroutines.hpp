// Asio's types for coroutines of one I/O thread. Internal to the server.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <utility>

#include "adapters/http/channel.hpp"

namespace classifier::http {

using SteadyTime = std::chrono::steady_clock::time_point;
using Timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
using UseAwaitable = boost::asio::use_awaitable_t<Executor>;
template <class T = void>
using Awaitable = boost::asio::awaitable<T, Executor>;
using AsioError = boost::system::error_code;

// Completes a co_await with its error in `error` instead of an exception.
inline auto into(AsioError& error) { return boost::asio::redirect_error(UseAwaitable(), error); }

// Runs `work` on a thread of the pool, then continues on the I/O thread. `work` must not throw.
template <class Work>
Awaitable<> run_on(boost::asio::thread_pool& pool, Work& work) {
  const UseAwaitable token;
  return boost::asio::async_initiate<const UseAwaitable, void()>(
      [&pool, &work](auto handler) {
        boost::asio::post(pool, [&work, handler = std::move(handler)]() mutable {
          work();
          auto executor = boost::asio::get_associated_executor(handler);
          boost::asio::post(executor, std::move(handler));
        });
      },
      token);
}

}  // namespace classifier::http
