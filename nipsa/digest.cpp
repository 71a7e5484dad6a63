// Digests and codes of approvals.
#include "nipsa/digest.h"

#include <algorithm>

namespace nipsa {

namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";  // Crockford base32
constexpr std::size_t kCodeLength = 8;
/// Words of the decision grammar that have a code's form once folded.
constexpr std::string_view kDecisionWords[] = {"approved", "rejected"};

char folded(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') return '0';
  if (c == 'I' || c == 'L') return '1';
  return c;
}

}  // namespace

nostr::Sha256 event_digest(const nostr::UnsignedEvent& event) {
  nostr::UnsignedEvent timeless = event;
  timeless.created_at = UnixTime{};
  return nostr::sha256(nostr::canonical_bytes(timeless));
}

Result<nostr::Sha256> action_digest(const LocalAction& action) {
  const Json value = {{"v", 1},
                      {"agent", action.agent.hex()},
                      {"tick", action.tick ? Json(action.tick->hex()) : Json()},
                      {"action", action.action},
                      {"sats", action.sats.value},
                      {"payee", action.payee ? Json(action.payee->hex()) : Json()},
                      {"params", action.params},
                      {"cwd", action.cwd},
                      {"expires", base::to_unix(action.expires)}};
  const auto text = base::json::canonical(value);
  if (!text) return fail(Code::kJson, text.error().detail);
  return nostr::sha256(*text);
}

std::string approval_code(const nostr::EventId& request) {
  nostr::Sha256Hasher hasher;
  hasher.update(std::string_view("nip-sa:approval-code:v1\n")).update(request.view());
  const nostr::Sha256 hash = hasher.finish();
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 5; ++i) bits = bits << 8 | hash.array()[i];
  std::string code;
  for (int shift = 35; shift >= 0; shift -= 5) code.push_back(kAlphabet[bits >> shift & 31]);
  return code;
}

std::string format_code(std::string_view code) {
  return std::string(code.substr(0, 4)) + "-" +
         std::string(code.substr(std::min<std::size_t>(4, code.size())));
}

std::optional<std::string> fold_code(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '-' || c == ' ') continue;
    const char up = folded(c);
    if (kAlphabet.find(up) == std::string_view::npos || out.size() == kCodeLength)
      return std::nullopt;
    out.push_back(up);
  }
  if (out.size() != kCodeLength) return std::nullopt;
  return out;
}

bool is_issuable(std::string_view code, const std::vector<std::string>& remembered) {
  const auto canonical = fold_code(code);
  if (!canonical || canonical->find_first_of("0123456789") == std::string::npos) return false;
  for (const auto word : kDecisionWords)
    if (fold_code(word) == canonical) return false;
  return std::ranges::none_of(remembered,
                              [&](const auto& old) { return fold_code(old) == canonical; });
}

}  // namespace nipsa
