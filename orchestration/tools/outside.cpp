// The words for acts and their ends, and which acts leave the session under whose key.
#include "orchestration/tools/outside.h"

#include "orchestration/names.h"

namespace orchestration {
namespace {

constexpr Name<ActionClass> kClasses[] = {
    {ActionClass::kReply, "reply"},         {ActionClass::kPost, "post"},
    {ActionClass::kReact, "react"},         {ActionClass::kDm, "dm"},
    {ActionClass::kAskOperator, "ask_operator"}, {ActionClass::kReadFile, "read_file"},
    {ActionClass::kSearch, "search"},
    {ActionClass::kEditFile, "edit_file"}, {ActionClass::kRunCommand, "run_command"},
    {ActionClass::kFetch, "fetch"},        {ActionClass::kCallServer, "call_server"},
    {ActionClass::kKeepTodo, "keep_todo"}, {ActionClass::kPay, "pay"},
    {ActionClass::kPurchase, "purchase"},
    {ActionClass::kDelegate, "delegate"}};
constexpr Name<ActionStatus> kStatuses[] = {
    {ActionStatus::kPaid, "paid"},                   {ActionStatus::kUnknown, "unknown"},
    {ActionStatus::kBought, "bought"},               {ActionStatus::kPending, "pending"},
    {ActionStatus::kPublished, "published"},         {ActionStatus::kApproved, "approved"},
    {ActionStatus::kAnswered, "answered"},           {ActionStatus::kDenied, "denied"},
    {ActionStatus::kExpired, "expired"},             {ActionStatus::kWithdrawn, "withdrawn"},
    {ActionStatus::kUndeliverable, "undeliverable"}, {ActionStatus::kRefused, "refused"},
    {ActionStatus::kFailed, "failed"}};

}  // namespace

std::string_view action_class_name(ActionClass action) { return name_in(kClasses, action); }
base::Result<ActionClass> parse_action_class(std::string_view name) {
  return value_in(kClasses, name, "action class");
}
std::string_view action_status_name(ActionStatus status) { return name_in(kStatuses, status); }
base::Result<ActionStatus> parse_action_status(std::string_view name) {
  return value_in(kStatuses, name, "action status");
}

bool is_group_signed(ActionClass action) {
  switch (action) {
    case ActionClass::kReply:
    case ActionClass::kPost:
    case ActionClass::kReact: return true;
    case ActionClass::kDm:
    case ActionClass::kAskOperator:
    case ActionClass::kReadFile:
    case ActionClass::kSearch:
    case ActionClass::kEditFile:
    case ActionClass::kRunCommand:
    case ActionClass::kFetch:
    case ActionClass::kCallServer:
    case ActionClass::kKeepTodo:
    case ActionClass::kDelegate:
    case ActionClass::kPurchase:
    case ActionClass::kPay: return false;
  }
  return false;
}

bool asks_itself(ActionClass action) {
  return is_group_signed(action) || action == ActionClass::kPay ||
         action == ActionClass::kPurchase;
}

bool is_external(ActionClass action) {
  switch (action) {
    case ActionClass::kReply:
    case ActionClass::kPost:
    case ActionClass::kReact:
    case ActionClass::kDm:
    case ActionClass::kEditFile:
    case ActionClass::kRunCommand:
    case ActionClass::kCallServer:
    case ActionClass::kPurchase:
    case ActionClass::kPay: return true;
    case ActionClass::kAskOperator:
    case ActionClass::kReadFile:
    case ActionClass::kSearch:
    case ActionClass::kFetch:
    case ActionClass::kKeepTodo:
    case ActionClass::kDelegate: return false;
  }
  return true;
}

bool is_local_effect(ActionClass action) {
  return action == ActionClass::kEditFile || action == ActionClass::kRunCommand ||
         action == ActionClass::kCallServer;
}

}  // namespace orchestration
