// Kind 39200 written strictly and read liberally.
#include "nipsa/profile.h"

#include <algorithm>

namespace nipsa {

namespace {

constexpr std::size_t kMaxName = 128;

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

/// Characters, not bytes: a UTF-8 continuation byte starts none.
Result<void> check_name(const std::string& name) {
  if (name.empty()) return fail(Code::kJson, "name is empty");
  if (characters(name) > kMaxName) return fail(Code::kJson, "name is over 128 characters");
  return {};
}

Result<void> check_threshold(const Profile& p) {
  if (p.threshold < 1 || p.threshold > p.members || p.members > 255)
    return fail(Code::kNum, "threshold is " + std::to_string(p.threshold) + " of " +
                                std::to_string(p.members) + ", 1 <= t <= n <= 255 is needed");
  return {};
}

Result<void> check_signers(const Profile& p) {
  if (p.signers.size() > p.members)
    return fail(Code::kNum, "more signers than members of the group");
  for (std::size_t i = 0; i < p.signers.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (p.signers[i].key == p.signers[j].key)
        return fail(Code::kTagDup, "signer is listed twice");
  return {};
}

Result<void> read_threshold(const nostr::Tags& tags, Profile& out) {
  TRY(required_tag(tags, "threshold"));
  const nostr::Tag* tag = nostr::find_tag(tags, "threshold");
  if (tag->size() < 3) return fail(Code::kTagBad, "threshold needs t and n");
  TRY(const auto t, parse_range((*tag)[1], 1, 255, "threshold"));
  TRY(const auto n, parse_range((*tag)[2], 1, 255, "threshold"));
  out.threshold = static_cast<unsigned>(t);
  out.members = static_cast<unsigned>(n);
  return check_threshold(out);
}

/// Without a role element the order tells: marketplace first, guardian second (C5).
Result<void> read_signers(const nostr::Tags& tags, Profile& out) {
  for (const nostr::Tag& tag : tags) {
    if (tag.size() < 2 || tag[0] != "signer") continue;
    TRY(const auto key, parse_key(tag[1], "signer"));
    std::string role = tag.size() > 2 ? tag[2] : "";
    if (role.empty())
      role = out.signers.empty() ? "marketplace" : out.signers.size() == 1 ? "guardian" : "";
    out.signers.push_back({key, std::move(role)});
  }
  return check_signers(out);
}

void read_strings(const nostr::Tags& tags, std::string_view name, std::vector<std::string>& out) {
  for (const auto value : nostr::tag_values(tags, name)) out.emplace_back(value);
}

Autonomy autonomy_of(const Json& content) {
  const auto level = content.find("autonomy_level");
  const auto other = content.find("autonomy");
  std::optional<Autonomy> out;
  for (const auto& it : {level, other}) {
    if (it == content.end()) continue;
    const auto read =
        it->is_string() ? read_autonomy(it->get<std::string>()) : Autonomy::kSupervised;
    out = out ? std::min(*out, read) : read;  // when they differ, the more restrictive one
  }
  return out.value_or(Autonomy::kSupervised);
}

Result<void> read_content(std::string_view text, Profile& out) {
  TRY(const Json content, parse_object(text));
  out.name = trimmed(base::json::string_or(content, "name"));
  TRY(check_name(out.name));
  out.about = base::json::string_or(content, "about");
  out.picture = base::json::string_or(content, "picture");
  out.version = base::json::string_or(content, "version");
  out.autonomy = autonomy_of(content);
  if (const auto list = base::json::get_array(content, "capabilities"))
    for (const Json& item : *list)
      if (item.is_string()) out.capabilities.push_back(item.get<std::string>());
  if (const auto posture = base::json::get_object(content, "security_posture"))
    out.posture = *posture;
  return {};
}

std::string content_of(const Profile& p) {
  Json content = {{"name", p.name},
                  {"about", p.about},
                  {"capabilities", p.capabilities},
                  {"autonomy_level", autonomy_name(p.autonomy)},
                  {"version", p.version}};
  if (!p.picture.empty()) content["picture"] = p.picture;
  if (p.posture.is_object()) content["security_posture"] = p.posture;
  return base::json::dump(content);
}

}  // namespace

Result<nostr::Draft> build_profile(const Profile& profile, UnixTime at) {
  Profile p = profile;
  p.name = trimmed(p.name);
  TRY(check_name(p.name));
  TRY(check_threshold(p));
  TRY(check_signers(p));
  if (p.version.empty()) return fail(Code::kJson, "version is empty");
  nostr::Draft draft{
      .kind = kinds::kProfile, .created_at = at, .tags = {{"d", "profile"}}, .content = ""};
  draft.tags.push_back({"threshold", std::to_string(p.threshold), std::to_string(p.members)});
  for (const auto& s : p.signers) {
    nostr::Tag tag{"signer", s.key.hex()};
    if (!s.role.empty()) tag.push_back(s.role);
    draft.tags.push_back(std::move(tag));
  }
  draft.tags.push_back({"operator", p.operator_key.hex()});
  // `operator` is no single letter and so not indexed; the same key as `p` makes it findable.
  draft.tags.push_back({"p", p.operator_key.hex(), "", "operator"});
  for (const auto& key : p.guardians) draft.tags.push_back({"guardian", key.hex()});
  for (const auto& key : p.runners) draft.tags.push_back({"runner", key.hex()});
  if (!p.keygen.empty()) draft.tags.push_back({"keygen", p.keygen});
  if (!p.lud16.empty()) draft.tags.push_back({"lud16", p.lud16});
  for (const auto& f : p.federations) draft.tags.push_back({"federation", f});
  for (const auto& m : p.cashu_mints) draft.tags.push_back({"cashu_mint", m});
  if (!p.guardians.empty()) draft.tags.push_back({"t", "sa-guardian-profile"});
  draft.content = content_of(p);
  return checked(std::move(draft));
}

Result<Profile> parse_profile(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kProfile));
  TRY(require_d(event.tags, "profile"));
  Profile out;
  TRY(read_threshold(event.tags, out));
  TRY(read_signers(event.tags, out));
  TRY(out.operator_key, required_key(event.tags, "operator"));
  TRY(out.guardians, all_keys(event.tags, "guardian"));
  TRY(out.runners, all_keys(event.tags, "runner"));
  out.keygen = nostr::tag_value(event.tags, "keygen").value_or("");
  out.lud16 = nostr::tag_value(event.tags, "lud16").value_or("");
  read_strings(event.tags, "federation", out.federations);
  read_strings(event.tags, "cashu_mint", out.cashu_mints);
  TRY(read_content(event.content, out));
  return out;
}

std::vector<nostr::PublicKey> allowed_guardians(const Profile& profile) {
  auto out = profile.guardians;
  if (!contains(out, profile.operator_key)) out.push_back(profile.operator_key);
  for (const auto& s : profile.signers)
    if (s.role == "guardian" && !contains(out, s.key)) out.push_back(s.key);
  return out;
}

std::vector<nostr::PublicKey> allowed_runners(const Profile& profile) {
  auto out = profile.runners;
  if (!contains(out, profile.operator_key)) out.push_back(profile.operator_key);
  return out;
}

}  // namespace nipsa
