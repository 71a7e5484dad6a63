// Amounts, and one way to the treasury.
#include "node/cli/money.h"

#include <fmt/format.h>

#include "node/control.h"
#include "node/job_desk.h"
#include "nostr/base/number.h"
#include "storage/schema.h"

namespace node::cli {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::json::Value;

namespace {

/// A payment may wait for the wallet, a look-up after it, and a zap for its receipt.
constexpr std::chrono::seconds kPatience{240};

base::Task<Result<Value>> ask_here(Runtime& runtime, Treasury& treasury, const Home& home,
                                   const Config& config, std::string method, Value params) {
  Result<Value> answer = Value();
  if (method == "budget")
    answer = treasury.budget(params);
  else if (method == "job")
    answer = co_await request_job(runtime, treasury, home, config, std::move(params));
  else
    answer = co_await treasury.wallet(std::move(params));
  co_await treasury.stop();
  co_await runtime.pool.stop();
  co_return answer;
}

}  // namespace

Result<Msat> parse_money(std::string_view text) {
  const auto strip = [&](std::string_view unit) {
    if (!text.ends_with(unit)) return false;
    text.remove_suffix(unit.size());
    return true;
  };
  const bool milli = strip("msat");
  if (!milli) strip("sat");
  const auto value = base::parse_number<std::int64_t>(
      text, 0, milli ? base::kMaxMsat.value : base::kMaxMsat.value / 1000);
  if (!value)
    return fail(Errc::kInvalid, fmt::format("\"{}\" is no amount", text),
                "21 or 21sat (satoshi), or 500msat");
  return milli ? Msat{*value} : base::to_msat(base::Sat{*value});
}

std::string format_money(std::int64_t msat) {
  return msat % 1000 == 0 ? fmt::format("{} sat", msat / 1000) : fmt::format("{} msat", msat);
}

Result<Value> ask_treasury(const Context& context, const std::string& method, const Value& params) {
  const Home home = context.home();
  // Whoever asks for work says how long it may take.
  const std::chrono::seconds own{base::json::int_or(params, "timeout")};
  auto answer = control_call(home.control_socket(), method, params, kPatience + own);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  TRY(const Config config, load_config(home));
  TRY(home.ensure());
  TRY(const auto db, storage::open_database(home.database().string()));
  Runtime runtime;
  Treasury treasury({runtime, *db, home, config});
  return runtime.loop.run_until_complete(
      ask_here(runtime, treasury, home, config, method, params));
}

}  // namespace node::cli
