// Versions of skills: strict semantic versions (2.0.0), and which of two is newer.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "nipsa/error.h"

namespace nipsa {

using base::Result;

/// MAJOR.MINOR.PATCH[-pre][+build].
struct Semver {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint64_t patch = 0;
  std::vector<std::string> pre;  ///< identifiers; empty for a release
  std::string build;             ///< plays no part in the order

  /// Precedence as the specification defines it: a pre-release is older than its release.
  friend std::strong_ordering operator<=>(const Semver& a, const Semver& b);
  friend bool operator==(const Semver& a, const Semver& b) { return (a <=> b) == 0; }
};

/// E_TAG_BAD for anything else: a leading v, two numbers, leading zeros, over 64 characters.
Result<Semver> parse_semver(std::string_view text);

}  // namespace nipsa
