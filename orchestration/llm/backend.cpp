// Names of the conversation's enumerators, as stored and logged.
#include "orchestration/llm/backend.h"

#include "orchestration/names.h"

namespace orchestration {
namespace {

constexpr Name<Role> kRoles[] = {{Role::kSystem, "system"},
                                 {Role::kUser, "user"},
                                 {Role::kAssistant, "assistant"},
                                 {Role::kTool, "tool"}};
constexpr Name<ToolOutcome> kOutcomes[] = {{ToolOutcome::kOk, "ok"},
                                           {ToolOutcome::kError, "error"},
                                           {ToolOutcome::kInvalid, "invalid"},
                                           {ToolOutcome::kDenied, "denied"},
                                           {ToolOutcome::kExpired, "expired"}};
constexpr Name<Finish> kFinishes[] = {{Finish::kStop, "stop"},
                                      {Finish::kLength, "length"},
                                      {Finish::kToolCalls, "tool_calls"},
                                      {Finish::kContentFilter, "content_filter"}};
constexpr Name<ModelFault> kFaults[] = {{ModelFault::kTransport, "transport"},
                                        {ModelFault::kRateLimited, "rate-limited"},
                                        {ModelFault::kServer, "server"},
                                        {ModelFault::kTruncated, "truncated"},
                                        {ModelFault::kProtocol, "protocol"},
                                        {ModelFault::kTimeout, "timeout"},
                                        {ModelFault::kContextTooLong, "context-too-long"},
                                        {ModelFault::kRefused, "refused"},
                                        {ModelFault::kUnauthorised, "unauthorised"},
                                        {ModelFault::kUnsupported, "unsupported"}};

}  // namespace

std::string_view role_name(Role role) { return name_in(kRoles, role); }
base::Result<Role> parse_role(std::string_view name) { return value_in(kRoles, name, "role"); }
std::string_view tool_outcome_name(ToolOutcome outcome) { return name_in(kOutcomes, outcome); }
base::Result<ToolOutcome> parse_tool_outcome(std::string_view name) {
  return value_in(kOutcomes, name, "outcome");
}
std::string_view finish_name(Finish finish) { return name_in(kFinishes, finish); }

base::Task<base::Result<ProbeReport>> Backend::probe() {
  co_return ProbeReport{.detail = "works on this machine", .models = {model()}, .model = model()};
}
std::string_view model_fault_name(ModelFault fault) { return name_in(kFaults, fault); }

}  // namespace orchestration
