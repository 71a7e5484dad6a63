// NIP-78: what an app keeps for its user, under a name of its own choice.
#pragma once

#include <string>

#include "nostr/event/event.h"

namespace nostr {

struct AppData {
  std::string d;        ///< the app's name for it, often with the app's own in front
  std::string content;  ///< in any form, perhaps encrypted
  Tags tags;            ///< other than `d`
  friend bool operator==(const AppData&, const AppData&) = default;
};

Draft build_app_data(const AppData& data, UnixTime at);
/// kInvalid for another kind than 30078, or without a `d`.
base::Result<AppData> parse_app_data(const Event& event);

}  // namespace nostr
