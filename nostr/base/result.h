// Errors as values: Result<T>, Error, and the three macros that make them pleasant.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace base {

/// What kind of thing went wrong; the caller branches on this, a person reads Error::detail.
enum class Errc {
  kInvalid,           ///< input breaks a format or a rule; the same input fails again
  kNotFound,          ///< the named thing does not exist here
  kDenied,            ///< policy, permission or the operator said no
  kApprovalRequired,  ///< allowed only once the operator approves; `detail` ends in the digest
  kLimit,             ///< a size, rate, count or budget bound was reached
  kConflict,          ///< the state moved on: already spent, replaced, claimed by another
  kTimeout,           ///< a deadline passed before an answer came
  kCancelled,         ///< the owner of the work withdrew it
  kClosed,            ///< the connection or object is shut
  kUnavailable,       ///< a peer that is needed is not reachable now; later may succeed
  kPeer,              ///< the other side answered with something that breaks its protocol
  kCrypto,            ///< a signature, MAC, point or key does not check out
  kIo,                ///< the file system or a socket failed
  kDatabase,          ///< SQLite failed
  kUnsupported,       ///< valid, but not something this program does
  kInternal,          ///< a bug of ours that was caught
};

/// Stable lower-case name of `code`, e.g. "approval-required": used in JSON and on exit.
std::string_view errc_name(Errc code);

/// An error for a person: what happened to what, and what to do about it.
struct Error {
  Errc code = Errc::kInternal;
  std::string detail;  ///< lower case, no full stop, names the thing and the limit; never a secret
  std::string hint;    ///< the next command or change to try; empty when there is none
};

template <class T>
using Result = std::expected<T, Error>;

/// Shorthand for returning an error: `return fail(Errc::kInvalid, "tag is empty");`
inline std::unexpected<Error> fail(Errc code, std::string detail, std::string hint = {}) {
  return std::unexpected(Error{code, std::move(detail), std::move(hint)});
}

/// Prefixes the detail of an error with the name of the thing it happened to ("share.txt: ...").
Error in_context(std::string_view what, Error error);

/// Reports a broken invariant and aborts. Use through CHECK.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace base

// TRY(auto x, expr) declares x from a Result or returns its error; TRY(expr) does so for
// Result<void>. CO_TRY is the same inside a coroutine. A declaration rather than a statement
// expression, because the latter is not standard and breaks around co_await.
#define SOV_CONCAT_(a, b) a##b
#define SOV_CONCAT(a, b) SOV_CONCAT_(a, b)
#define SOV_TRY2(ret, tmp, decl, expr)                        \
  auto tmp = (expr);                                          \
  if (!tmp.has_value()) ret std::unexpected(std::move(tmp).error()); \
  decl = *std::move(tmp)
#define SOV_TRY1(ret, tmp, expr)                              \
  if (auto tmp = (expr); !tmp.has_value()) ret std::unexpected(std::move(tmp).error())
#define SOV_PICK(_1, _2, name, ...) name
#define SOV_TRY_A(decl, expr) SOV_TRY2(return, SOV_CONCAT(try_, __LINE__), decl, expr)
#define SOV_TRY_B(expr) SOV_TRY1(return, SOV_CONCAT(try_, __LINE__), expr)
#define SOV_CO_TRY_A(decl, expr) SOV_TRY2(co_return, SOV_CONCAT(try_, __LINE__), decl, expr)
#define SOV_CO_TRY_B(expr) SOV_TRY1(co_return, SOV_CONCAT(try_, __LINE__), expr)
#define TRY(...) SOV_PICK(__VA_ARGS__, SOV_TRY_A, SOV_TRY_B, )(__VA_ARGS__)
#define CO_TRY(...) SOV_PICK(__VA_ARGS__, SOV_CO_TRY_A, SOV_CO_TRY_B, )(__VA_ARGS__)

/// A bug, not bad input: aborts with the place. Always compiled in.
#define CHECK(cond) ((cond) ? static_cast<void>(0) : ::base::check_failed(#cond, __FILE__, __LINE__))
