// Words: text as a set of whole words, for rules that must not see "ui" in "build". Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace orchestration {

/// Lower-case words of letters and digits, without the commonest English ones.
std::set<std::string> words_of(std::string_view text);

/// What share of `asked` stands in `text`: 0 when nothing is asked.
double overlap(const std::set<std::string>& asked, const std::set<std::string>& text);

}  // namespace orchestration
