// Texts inside events of NIP-SA and NIP-SKL, and what a person types: states, reports, versions,
// capabilities, codes, trajectories before their secrets are taken out.
#include "nipsa/autonomy.h"
#include "nipsa/capabilities.h"
#include "nipsa/digest.h"
#include "nipsa/redaction.h"
#include "nipsa/semver.h"
#include "nipsa/skill_hash.h"
#include "nipsa/state_parts.h"
#include "nipsa/tick.h"
#include "nostr/base/bytes.h"

namespace {

void check_state(std::string_view text) {
  const auto state = nipsa::decode_state(text);
  if (!state) return;
  static_cast<void>(nipsa::merge_states(*state, *state));
  static_cast<void>(nipsa::parts_of(*state));
  if (const auto split = nipsa::split_state(*state, {})) {
    std::map<std::uint32_t, std::string> parts;
    for (const auto& part : split->parts) parts[part.number] = part.plaintext;
    const auto joined = nipsa::join_state(nipsa::decode_state(split->head).value(), parts);
    CHECK(joined.has_value());
    CHECK(joined->memory.size() == state->memory.size());
  }
  const auto written = nipsa::encode_state(*state);
  if (!written) return;
  const auto again = nipsa::decode_state(*written);
  CHECK(again.has_value());
  CHECK(nipsa::encode_state(*again) == *written);
}

void check_report(std::string_view text) {
  const auto report = nipsa::decode_report(text);
  if (!report) return;
  const std::string written = nipsa::encode_report(*report);
  const auto again = nipsa::decode_report(written);
  CHECK(again.has_value());
  CHECK(nipsa::encode_report(*again) == written);
}

void check_redaction(std::string_view text) {
  const std::string redacted = nipsa::redact_text(text);
  CHECK(nipsa::redact_text(redacted) == redacted);
  if (const auto value = nipsa::parse_json(text)) {
    const nipsa::Json hidden = nipsa::redact(*value);
    CHECK(nipsa::redact(hidden) == hidden);
    CHECK(nipsa::redacted_hash(*value) == nipsa::redacted_hash(hidden));
  }
}

void check_words(std::string_view text) {
  if (const auto version = nipsa::parse_semver(text)) CHECK(*version == *version);
  if (const auto coordinate = nipsa::parse_coordinate(text)) CHECK(coordinate->str() == text);
  if (const auto folded = nipsa::fold_code(text)) CHECK(nipsa::fold_code(nipsa::format_code(*folded)) == folded);
  if (const auto names = nipsa::normal_capabilities({std::string(text)}))
    CHECK(nipsa::normal_capabilities(*names) == *names);
  const auto level = nipsa::read_autonomy(text);
  CHECK(nipsa::read_autonomy(nipsa::autonomy_name(level)) == level);
  if (const auto normal = nipsa::normal_skill_text(text)) {
    CHECK(nipsa::normal_skill_text(*normal).has_value());
    CHECK(normal->find('\r') == std::string::npos);
  }
  static_cast<void>(nipsa::is_safe_path(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  check_state(text);
  check_report(text);
  check_redaction(text);
  check_words(text);
  return 0;
}
