// Collecting findings.
#include "node/doctor/findings.h"

#include <algorithm>
#include <iterator>

namespace node {

std::string_view grade_name(Grade grade) {
  switch (grade) {
    case Grade::kOk:
      return "ok";
    case Grade::kWarn:
      return "warn";
    case Grade::kFail:
      return "fail";
  }
  return "fail";
}

void Findings::ok(std::string check, std::string found) {
  all_.push_back({std::move(check), Grade::kOk, std::move(found), ""});
}

void Findings::warn(std::string check, std::string found, std::string fix) {
  all_.push_back({std::move(check), Grade::kWarn, std::move(found), std::move(fix)});
}

void Findings::fail(std::string check, std::string found, std::string fix) {
  all_.push_back({std::move(check), Grade::kFail, std::move(found), std::move(fix)});
}

void Findings::add(Findings others) {
  std::move(others.all_.begin(), others.all_.end(), std::back_inserter(all_));
}

Grade Findings::worst() const {
  Grade worst = Grade::kOk;
  for (const Finding& finding : all_) worst = std::max(worst, finding.grade);
  return worst;
}

base::json::Value findings_view(const Findings& findings) {
  base::json::Value checks = base::json::Value::array();
  for (const Finding& finding : findings.all())
    checks.push_back({{"check", finding.check},
                      {"grade", grade_name(finding.grade)},
                      {"found", finding.found},
                      {"fix", finding.fix}});
  return {{"ok", findings.worst() != Grade::kFail}, {"checks", std::move(checks)}};
}

}  // namespace node
