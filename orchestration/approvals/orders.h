// What an operator may want to know in a private message, besides answering questions. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace orchestration {

/// A text that is exactly one of the words a desk understands.
struct Order {
  enum class Kind { kList, kInfo, kHelp };
  Kind kind = Kind::kHelp;
  std::string code;  ///< kInfo: in its shown form
};

/// "list", "info CODE" or "help", in any case; nullopt for everything else, which is talk.
std::optional<Order> read_order(std::string_view text);

/// The answer to "help".
std::string_view help_text();

}  // namespace orchestration
