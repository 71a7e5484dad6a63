// Findings: what a look at a home has shown, one line each — what is, what is wrong, what mends it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/json.h"

namespace node {

/// kWarn: works, but not as it should. kFail: something will not work until it is mended.
enum class Grade { kOk, kWarn, kFail };
/// "ok", "warn", "fail".
std::string_view grade_name(Grade grade);

struct Finding {
  std::string check;  ///< e.g. "files.share": what people search for
  Grade grade = Grade::kOk;
  std::string found;  ///< the state of things, in words
  std::string fix;    ///< what to do; empty when all is well
};

class Findings {
 public:
  void ok(std::string check, std::string found);
  void warn(std::string check, std::string found, std::string fix);
  void fail(std::string check, std::string found, std::string fix);
  void add(Findings others);

  const std::vector<Finding>& all() const { return all_; }
  Grade worst() const;

 private:
  std::vector<Finding> all_;
};

/// {"ok", "checks": [{"check","grade","found","fix"}]}.
base::json::Value findings_view(const Findings& findings);

}  // namespace node
