// What the codecs of credit share: purposes, sums, rails, references by marker.
#pragma once

#include <initializer_list>

#include "nipsa/credit.h"

namespace nipsa::credit {

/// Whether a skill's address, manifest and constraints must be there (what asks for money) or may be
/// left out (what reports on it).
enum class Detail { kWhole, kAsGiven };

/// scope, `a` and `e`. E_CONFLICT for an address that is not the scope's, E_TAG_MISSING for what a
/// whole one lacks, E_HASH for a skill without constraints.
Result<Purpose> read_purpose(const nostr::Tags& tags, Detail detail);
Result<void> check_purpose(const Purpose& purpose, Detail detail);
void write_purpose(const Purpose& purpose, nostr::Tags& tags);

/// The first `e` with one of `markers` as its fourth element; "" is an `e` without.
Result<std::optional<nostr::EventId>> marked_event(const nostr::Tags& tags,
                                                   std::initializer_list<std::string_view> markers);

/// A tag of sats above zero; E_NUM.
Result<Sat> positive_sats(const nostr::Tags& tags, std::string_view name);
Result<void> check_positive(Sat amount, std::string_view what);
/// A member of `content` in whole sats; E_JSON when it is missing or no integer, E_NUM out of range.
Result<Sat> sats_member(const Json& content, std::string_view name);
Result<Sat> positive_member(const Json& content, std::string_view name);
/// An object whose schema we know; E_VERSION for a later one.
Result<Json> read_content(std::string_view text);
/// A text of at most kMaxCreditText characters; "" without one.
Result<std::string> text_member(const Json& content, std::string_view name);
Result<void> check_text(std::string_view text, std::string_view what);

/// The fee of an object: fee, fee_bps, or both in agreement (E_CONFLICT).
Result<std::optional<Fee>> fee_member(const Json& content);

Result<Rail> read_rail(const nostr::Tags& tags, std::string_view name);
void write_rail(std::string_view name, const Rail& rail, nostr::Tags& tags);
Result<void> check_rail(const Rail& rail, std::string_view name);

/// 1..kMaxEnvelopeId bytes; E_TAG_BAD, E_SIZE.
Result<void> check_envelope_id(std::string_view id);
/// The `credit` tag.
Result<std::string> read_envelope_id(const nostr::Tags& tags);
/// E_SIGNER unless the `issuer` tag, where there is one, names the author.
Result<void> check_issuer_is_author(const nostr::Event& event);
/// E_TAG_BAD unless the `status` tag says `word`, where there is one.
Result<void> check_status(const nostr::Tags& tags, std::string_view word);
/// E_CONFLICT when an `a` of kind 39242 names another envelope.
Result<void> check_coordinate(const nostr::Tags& tags, const nostr::PublicKey& issuer,
                              std::string_view envelope);
nostr::Tag coordinate_tag(const nostr::PublicKey& issuer, std::string_view envelope);

}  // namespace nipsa::credit
