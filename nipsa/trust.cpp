// The table, top down.
#include "nipsa/trust.h"

#include <algorithm>
#include <map>
#include <set>

#include "nostr/nips/nip09.h"

namespace nipsa {
namespace {

constexpr std::size_t kMaxWarnings = 20;

/// What one auditor thinks of one target now.
struct Opinion {
  const nostr::Event* event = nullptr;
  SkillLabel label;
};

bool contains(const std::vector<nostr::PublicKey>& list, const nostr::PublicKey& key) {
  return std::ranges::find(list, key) != list.end();
}

bool has_kill(const SkillLabel& label) { return std::ranges::any_of(label.values, is_kill_label); }
bool has_positive(const SkillLabel& label) {
  return std::ranges::any_of(label.values, is_positive_label);
}

/// The newest opinions of each auditor on each target that is this skill, by target.
class Opinions {
 public:
  Opinions(const TrustInputs& inputs, const Manifest& manifest) : manifest_(manifest) {
    for (const nostr::Event& event : inputs.labels) {
      if (event.created_at > inputs.now || !nostr::check(event)) continue;
      const auto label = parse_skill_label(event);
      if (!label) continue;
      const bool retracted = std::ranges::any_of(inputs.deletions, [&](const nostr::Event& d) {
        return nostr::deletes(d, event) && nostr::check(d).has_value();
      });
      if (retracted) continue;
      take(event, *label, 'e', label->manifest == inputs.manifest.id);
      take(event, *label, 'x', label->hash == manifest.hash);
      take(event, *label, 'a', label->skill == manifest.address());
      take(event, *label, 'p', label->publisher == manifest.publisher);
    }
  }

  /// Who calls it dangerous, by whatever target.
  std::set<nostr::PublicKey> killers() const {
    std::set<nostr::PublicKey> out;
    for (const auto& [key, opinion] : opinions_)
      if (has_kill(opinion.label)) out.insert(key.first);
    return out;
  }

  /// Who vouches for this very version. The publisher's own word weighs nothing, nor does one that
  /// binds to the skill only: the next version would inherit it.
  std::set<nostr::PublicKey> vouchers(std::string_view value = "") const {
    std::set<nostr::PublicKey> out;
    for (const auto& [key, opinion] : opinions_) {
      if (key.second != 'e' && key.second != 'x') continue;
      const bool says =
          value.empty() ? has_positive(opinion.label)
                        : std::ranges::find(opinion.label.values, value) != opinion.label.values.end();
      const bool own = key.first == manifest_.publisher || key.first == manifest_.provider();
      if (says && !own) out.insert(key.first);
    }
    return out;
  }

 private:
  void take(const nostr::Event& event, const SkillLabel& label, char target, bool fits) {
    if (!fits) return;
    Opinion& standing = opinions_[{event.pubkey, target}];
    if (standing.event == nullptr || nostr::replaces(event, *standing.event))
      standing = {&event, label};
  }

  const Manifest& manifest_;
  std::map<std::pair<nostr::PublicKey, char>, Opinion> opinions_;
};

std::uint32_t trusted_of(const std::set<nostr::PublicKey>& keys, const TrustPolicy& policy) {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      keys, [&](const nostr::PublicKey& key) { return contains(policy.auditors, key); }));
}

TrustDecision decide(Trust trust, TrustRow row, std::optional<Code> code, std::string why) {
  return {trust, row, code, std::move(why), {}};
}

std::optional<TrustDecision> row_manifest(const TrustInputs& in, const Manifest& manifest) {
  const auto blocked = [](Code code, std::string why) {
    return decide(Trust::kBlocked, TrustRow::kManifest, code, std::move(why));
  };
  const ExpectedSkill& want = in.expected;
  if (want.address && *want.address != manifest.address())
    return blocked(Code::kRef, "the manifest is of another skill");
  if (want.manifest && *want.manifest != in.manifest.id)
    return blocked(Code::kRef, "the manifest is another than the one licensed");
  if (want.hash && *want.hash != manifest.hash)
    return blocked(Code::kHash, "the manifest names another hash than licence or delivery");
  return std::nullopt;
}

/// The manifest that `entry` archives, if it is the one the entry is about.
std::optional<Manifest> archived_by(const VersionEntry& entry, const nostr::PublicKey& author) {
  if (!entry.archived) return std::nullopt;
  const auto manifest = parse_manifest(*entry.archived);
  if (!manifest || !check_version_entry(entry, author, *entry.archived, *manifest)) return std::nullopt;
  return *manifest;
}

/// What the publisher's own log says against the manifest: one version stands for one hash, and what is
/// newer than a version has no lower number (nip-sa 5.2, 5.6). An older manifest is none the worse for
/// what came after it.
std::optional<TrustDecision> row_log(const TrustInputs& in, const Manifest& manifest) {
  const auto blocked = [](std::string why) {
    return decide(Trust::kBlocked, TrustRow::kManifest, Code::kConflict, std::move(why));
  };
  const auto version = parse_semver(manifest.version);
  for (const nostr::Event& event : in.log) {
    if (event.pubkey != manifest.publisher) continue;
    const auto entry = parse_version_entry(event);
    if (!entry || entry->slug != manifest.slug || !nostr::check(event)) continue;
    if (entry->version == manifest.version && entry->hash != manifest.hash)
      return blocked("its version stands in the log with another hash");
    const auto logged = archived_by(*entry, event.pubkey);
    if (!logged || entry->archived->created_at >= in.manifest.created_at) continue;
    const auto before = parse_semver(logged->version);
    if (version && before && *version < *before)
      return blocked("version " + logged->version + " was published before it: a downgrade");
  }
  return std::nullopt;
}

std::optional<TrustDecision> row_revoked(const TrustInputs& in, TrustDecision& warned) {
  for (const nostr::Event& deletion : in.deletions) {
    if (deletion.created_at > in.now + kSkewFuture || !nostr::check(deletion)) continue;
    if (nostr::deletes(deletion, in.manifest))
      return decide(Trust::kBlocked, TrustRow::kRevoked, Code::kRevoked,
                    "its publisher withdrew it: " +
                        text_tag(deletion.tags, "reason").substr(0, 200));
    const bool names = std::ranges::any_of(nostr::tag_values(deletion.tags, "e"), [&](auto id) {
      return id == in.manifest.id.hex();
    });
    if (names && deletion.pubkey != in.manifest.pubkey && warned.warnings.size() < kMaxWarnings)
      warned.warnings.push_back("a deletion by " + deletion.pubkey.hex() + " has no effect");
  }
  return std::nullopt;
}

}  // namespace

std::string_view trust_name(Trust trust) {
  switch (trust) {
    case Trust::kBlocked:
      return "blocked";
    case Trust::kUntrusted:
      return "untrusted";
    case Trust::kTrusted:
      return "trusted";
  }
  return "blocked";
}

TrustDecision judge_trust(const TrustInputs& in, const TrustPolicy& policy) {
  // 1
  if (!nostr::check(in.manifest))
    return decide(Trust::kBlocked, TrustRow::kManifest, Code::kSig, "the manifest is not signed");
  const auto manifest = parse_manifest(in.manifest);
  if (!manifest)
    return decide(Trust::kBlocked, TrustRow::kManifest,
                  code_of(manifest.error()).value_or(Code::kRef), manifest.error().detail);
  if (auto found = row_manifest(in, *manifest)) return *std::move(found);
  if (auto found = row_log(in, *manifest)) return *std::move(found);

  TrustDecision warned;
  const auto with_warnings = [&](TrustDecision decision) {
    decision.warnings = std::move(warned.warnings);
    return decision;
  };
  // 2 and 3
  if (auto found = row_revoked(in, warned)) return with_warnings(*std::move(found));
  // 4 and 5
  const Opinions opinions(in, *manifest);
  const auto killers = opinions.killers();
  for (const nostr::PublicKey& key : killers)
    if (!contains(policy.auditors, key) && warned.warnings.size() < kMaxWarnings)
      warned.warnings.push_back("called dangerous by a stranger, " + key.hex());
  if (const auto count = trusted_of(killers, policy);
      count > 0 && count >= std::max(policy.kill_quorum, 1u))
    return with_warnings(decide(Trust::kBlocked, TrustRow::kKilled, Code::kUntrusted,
                                std::to_string(count) + " trusted auditors call it dangerous"));
  // 6
  if (manifest->expires <= in.now)
    return with_warnings(decide(Trust::kUntrusted, TrustRow::kExpired, Code::kExpired,
                                "the manifest has expired"));
  // 7
  if (in.payload_hash && *in.payload_hash != manifest->hash)
    return with_warnings(decide(Trust::kBlocked, TrustRow::kPayload, Code::kHash,
                                "the body is not the one the manifest names"));
  // 8: also who claims to be another skill than its tags say
  if (in.unverified_delegation || !manifest->agrees())
    return with_warnings(decide(Trust::kUntrusted, TrustRow::kDelegated,
                                manifest->agrees() ? Code::kSigner : Code::kConflict,
                                manifest->agrees() ? "signed by a delegate nobody vouched for"
                                                   : "its scope id names another skill"));
  // 9
  if (policy.require_capabilities_verified &&
      trusted_of(opinions.vouchers(kCapabilitiesVerified), policy) == 0)
    return with_warnings(decide(Trust::kUntrusted, TrustRow::kUnverified, Code::kUntrusted,
                                "nobody trusted verified the capabilities of this version"));
  // 10
  const std::uint32_t vouchers = trusted_of(opinions.vouchers(), policy);
  if (vouchers > 0 && vouchers >= std::max(policy.min_positive, 1u))
    return with_warnings(decide(Trust::kTrusted, TrustRow::kAudited, std::nullopt,
                                std::to_string(vouchers) + " trusted auditors vouch for it"));
  // 11
  for (const TrustPin& pin : policy.pins)
    if (pin.publisher == manifest->publisher && pin.hash.value_or(manifest->hash) == manifest->hash)
      return with_warnings(decide(Trust::kTrusted, TrustRow::kPinned, std::nullopt,
                                  "its publisher is pinned by the operator"));
  // 12
  return with_warnings(decide(Trust::kUntrusted, TrustRow::kNobody, Code::kUntrusted,
                              "nobody the operator trusts vouches for it"));
}

}  // namespace nipsa
