// NIP-46: a signer on the other side of relays — connection strings, requests and answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

/// The longest request or answer that is read or written, in bytes of JSON.
inline constexpr std::size_t kMaxSignerMessage = 524'288;

// ---- connection strings ------------------------------------------------------------------------

/// One thing an app may ask for: a method, and for sign_event perhaps only one kind.
struct SignerPermission {
  std::string method;
  std::optional<Kind> kind;
  friend bool operator==(const SignerPermission&, const SignerPermission&) = default;
};

/// `nip44_encrypt,sign_event:4`.
std::string build_permissions(const std::vector<SignerPermission>& permissions);
/// Liberal: entries that are no method, or whose parameter is no kind, are left out; at most 64 are
/// kept.
std::vector<SignerPermission> parse_permissions(std::string_view text);

/// `bunker://…`: where a signer waits. `secret` lets the first app that shows it in.
struct BunkerUri {
  PublicKey signer;
  std::vector<std::string> relays;  ///< at least one
  std::string secret;               ///< "" when there is none
  friend bool operator==(const BunkerUri&, const BunkerUri&) = default;
};
/// `nostrconnect://…`: where an app waits for a signer, which proves that it saw this text by
/// answering with `secret`.
struct NostrConnectUri {
  PublicKey client;
  std::vector<std::string> relays;  ///< at least one
  std::string secret;               ///< "" only from apps older than the rule that requires it
  std::vector<SignerPermission> permissions;
  std::string name;  ///< of the app, as it calls itself
  std::string url;
  std::string image;
  friend bool operator==(const NostrConnectUri&, const NostrConnectUri&) = default;
};

std::string build_bunker_uri(const BunkerUri& uri);
std::string build_nostrconnect_uri(const NostrConnectUri& uri);
/// Liberal: malformed relays are left out, at most 16 are kept, unknown parameters are ignored.
/// kInvalid without a key or a relay, or over 8 KiB. Errors never quote the text.
base::Result<BunkerUri> parse_bunker_uri(std::string_view text);
/// The same; an older `metadata={json}` is read where name, url or image are missing.
base::Result<NostrConnectUri> parse_nostrconnect_uri(std::string_view text);

// ---- requests ----------------------------------------------------------------------------------

enum class SignerMethod {
  kConnect,
  kSignEvent,
  kPing,
  kGetPublicKey,
  kNip04Encrypt,
  kNip04Decrypt,
  kNip44Encrypt,
  kNip44Decrypt,
  kGetRelays,  ///< dropped from the NIP, still asked by old apps
  kSwitchRelays,
  kLogout,
};
std::string_view signer_method_name(SignerMethod method);
/// nullopt for a method this program does not know.
std::optional<SignerMethod> signer_method(std::string_view name);

/// What travels encrypted inside a kind 24133, towards the signer.
struct SignerRequest {
  std::string id;      ///< 1..256 bytes, chosen by the app
  std::string method;  ///< as written, so that an unknown one can be refused by name
  std::vector<std::string> params;
  friend bool operator==(const SignerRequest&, const SignerRequest&) = default;
};

std::string build_signer_request(const SignerRequest& request);
/// Parameters of another type than string are taken as their JSON text, null as "". kInvalid for a
/// missing id or method, over 16 parameters, or over kMaxSignerMessage bytes.
base::Result<SignerRequest> parse_signer_request(std::string_view json);

/// The parameters of `connect`.
struct ConnectParams {
  std::optional<PublicKey> signer;  ///< whom the app means; absent or malformed from old apps
  std::string secret;
  std::vector<SignerPermission> permissions;
  std::string name;  ///< of the app, from the metadata newer apps put last
  std::string url;
  friend bool operator==(const ConnectParams&, const ConnectParams&) = default;
};
std::vector<std::string> build_connect_params(const ConnectParams& params);
ConnectParams parse_connect_params(const std::vector<std::string>& params);

/// The parameter of `sign_event`: an event to be, without key, id or signature.
std::string build_sign_template(const Draft& draft);
/// Reads one that `user` is asked to sign. A missing created_at is the zero time, a missing tags or
/// content is empty. kDenied when it names another author than `user`, kInvalid when malformed.
base::Result<Draft> parse_sign_template(std::string_view json, const PublicKey& user);

/// The two parameters of the four cipher methods: the third party and the text. kInvalid when
/// either is missing or the key is none.
struct CipherParams {
  PublicKey peer;
  std::string text;
};
base::Result<CipherParams> parse_cipher_params(const std::vector<std::string>& params);

// ---- answers -----------------------------------------------------------------------------------

/// What travels encrypted inside a kind 24133, towards the app: a result, or an error.
struct SignerResponse {
  std::string id;
  std::optional<std::string> result;
  std::string error;  ///< "" when it went well; for a stranger's eyes, so escape it before showing
  friend bool operator==(const SignerResponse&, const SignerResponse&) = default;
};

std::string build_signer_response(const SignerResponse& response);
/// The answer that sends a person to a web page first ("Auth Challenges").
SignerResponse auth_url_response(std::string id, std::string url);
/// Results of another type than string are taken as their JSON text. kInvalid without an id, or
/// without both result and error.
base::Result<SignerResponse> parse_signer_response(std::string_view json);

/// The web page a signer wants the person to see, if this is what `response` says and the page is
/// an http(s) URL without control characters of at most 2048 bytes. A second answer with the same
/// id follows.
std::optional<std::string> auth_url(const SignerResponse& response);
/// Whether `response` admits an app that showed `secret` ("" for none): "ack", or the secret.
bool admits(const SignerResponse& response, std::string_view secret);
/// Whether `response` proves that its sender saw the nostrconnect:// text with `secret`. Compared
/// in constant time; an empty secret proves nothing.
bool echoes_secret(const SignerResponse& response, std::string_view secret);

/// The result of `switch_relays`: the relays to move to, or nullopt to stay.
std::string build_switch_relays_result(const std::vector<std::string>& relays);
base::Result<std::optional<std::vector<std::string>>> parse_switch_relays_result(
    std::string_view json);

/// The kind 24133 event around an encrypted request or answer for `to`.
Draft build_signer_event(const PublicKey& to, std::string encrypted, UnixTime at);

}  // namespace nostr
