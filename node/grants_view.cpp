// Reading requests, writing rows.
#include "node/grants_view.h"

#include <fmt/format.h>

#include "orchestration/hooks/standing_hooks.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::int64_t kMaxListed = 500;
constexpr std::int64_t kMaxSeconds = 90 * 86'400;
constexpr std::int64_t kDefaultSeconds = 86'400;

Result<Value> add(storage::Grants& grants, const Value& params, base::UnixTime now) {
  const std::int64_t seconds = base::json::int_or(params, "seconds", kDefaultSeconds);
  const std::int64_t uses = base::json::int_or(params, "uses", 0);
  if (seconds < 1 || seconds > kMaxSeconds) return fail(Errc::kInvalid, "a grant lasts from 1 second to 90 days");
  if (uses < 0) return fail(Errc::kInvalid, "a grant is used 0 (any number) times or more");
  storage::GrantRow row{.agent = base::json::string_or(params, "agent", "*"),
                        .tool = base::json::string_or(params, "tool"),
                        .pattern = base::json::string_or(params, "pattern"),
                        .expires = now + std::chrono::seconds{seconds},
                        .max_uses = uses};
  TRY(orchestration::check_grant(row));
  TRY(const storage::GrantRow made, grants.add(std::move(row), now));
  return grant_view(made, now);
}

}  // namespace

Value grant_view(const storage::GrantRow& row, base::UnixTime now) {
  const char* state = row.revoked                                     ? "revoked"
                      : now >= row.expires                            ? "expired"
                      : row.max_uses > 0 && row.uses >= row.max_uses ? "used-up"
                                                                      : "stands";
  return {{"id", row.id},
          {"agent", row.agent},
          {"tool", row.tool},
          {"pattern", row.pattern},
          {"created", base::to_unix(row.created)},
          {"expires", base::to_unix(row.expires)},
          {"uses", row.uses},
          {"max_uses", row.max_uses},
          {"state", state}};
}

Result<Value> answer_grants(storage::Grants& grants, const std::string& method, const Value& params,
                            base::UnixTime now) {
  if (method == "grant-add") return add(grants, params, now);
  if (method == "grant-revoke") {
    TRY(const std::int64_t id, base::json::get_int(params, "id"));
    TRY(const storage::GrantRow row, grants.revoke(id, now));
    return grant_view(row, now);
  }
  const bool all = base::json::get_bool(params, "all").value_or(false);
  TRY(const auto rows, grants.list(kMaxListed));
  Value out = Value::array();
  for (const storage::GrantRow& row : rows)
    if (all || row.stands(now)) out.push_back(grant_view(row, now));
  return out;
}

}  // namespace node
