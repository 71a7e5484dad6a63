// The halves of the catalogue, and short names for the fields they are made of.
#pragma once

#include "orchestration/programs/program.h"

namespace orchestration {

std::vector<Program> agent_programs();
std::vector<Program> upkeep_programs();

inline Field text(const char* name, const char* about, std::size_t max = 16384, bool required = true) {
  return {.name = name, .about = about, .required = required, .max_bytes = max};
}
inline Field markdown(const char* name, const char* about, bool required = true) {
  return {.name = name, .about = about, .shape = Shape::kMarkdown, .required = required, .max_bytes = 32768};
}
inline Field json(const char* name, const char* about, bool required = true) {
  return {.name = name, .about = about, .shape = Shape::kJson, .required = required, .max_bytes = 65536};
}
inline Field list(const char* name, const char* about, bool required = true) {
  return {.name = name, .about = about, .shape = Shape::kTextList, .required = required};
}
inline Field places(const char* name, const char* about) {
  return {.name = name, .about = about, .shape = Shape::kPlaces};
}
inline Field flag(const char* name, const char* about) { return {.name = name, .about = about, .shape = Shape::kFlag}; }
/// A number from 0 to 1.
inline Field share(const char* name, const char* about) { return {.name = name, .about = about, .shape = Shape::kNumber}; }
inline Field choice(const char* name, const char* about, std::vector<Choice> choices) {
  return {.name = name, .about = about, .shape = Shape::kChoice, .choices = std::move(choices)};
}

}  // namespace orchestration
