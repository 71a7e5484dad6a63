// HTML as a person would read it: text, line breaks, link targets; no scripts, no styles. Pure.
#pragma once

#include <string>
#include <string_view>

namespace orchestration {

/// Never fails; what is no HTML comes out much as it went in. Entities are decoded, white space is folded
/// outside <pre>, links are followed by their target in parentheses, comments and everything in script,
/// style, noscript, template and svg are left out.
std::string html_to_text(std::string_view html);

}  // namespace orchestration
