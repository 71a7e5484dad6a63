// The few words of orders.h.
#include "orchestration/approvals/orders.h"

#include <algorithm>

#include "nipsa/digest.h"

namespace orchestration {
namespace {

constexpr std::size_t kMaxOrderBytes = 64;

bool is_edge(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '.' || c == '!' || c == '?';
}

}  // namespace

std::optional<Order> read_order(std::string_view text) {
  if (text.size() > kMaxOrderBytes) return std::nullopt;
  while (!text.empty() && is_edge(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_edge(text.back())) text.remove_suffix(1);
  std::string word;
  for (const char c : text.substr(0, text.find(' ')))
    word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::string_view rest = text.substr(std::min(text.size(), word.size() + 1));
  if (word == "info") {
    const auto code = nipsa::fold_code(rest);
    if (!code) return std::nullopt;
    return Order{Order::Kind::kInfo, nipsa::format_code(*code)};
  }
  if (!rest.empty()) return std::nullopt;
  if (word == "list") return Order{Order::Kind::kList, ""};
  if (word == "help") return Order{Order::Kind::kHelp, ""};
  return std::nullopt;
}

std::string_view help_text() {
  return "yes CODE: allow exactly what was asked, once\n"
         "no CODE: refuse it\n"
         "no: refuse everything that is open\n"
         "list: what is open\n"
         "info CODE: the whole question again";
}

}  // namespace orchestration
