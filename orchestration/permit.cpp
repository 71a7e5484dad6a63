// The three words.
#include "orchestration/permit.h"

#include <algorithm>

#include "orchestration/names.h"

namespace orchestration {
namespace {

constexpr Name<Permit> kPermits[] = {
    {Permit::kAllow, "allow"}, {Permit::kAsk, "ask"}, {Permit::kDeny, "deny"}};

}  // namespace

std::string_view permit_name(Permit permit) { return name_in(kPermits, permit); }
base::Result<Permit> parse_permit(std::string_view name) {
  return value_in(kPermits, name, "permission");
}
Permit stricter(Permit a, Permit b) { return std::max(a, b); }

}  // namespace orchestration
