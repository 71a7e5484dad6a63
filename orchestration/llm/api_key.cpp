// Keys from private files and the environment.
#include "orchestration/llm/api_key.h"

#include <cstdlib>
#include <fstream>

#include <sys/stat.h>

#include "nostr/base/bytes.h"

namespace orchestration {
namespace {

using base::Errc;

constexpr std::size_t kMaxKeyBytes = 4096;

base::Result<ApiKey> checked_key(std::string key, const std::string& from) {
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' '))
    key.pop_back();
  const bool usable = !key.empty() && key.size() <= kMaxKeyBytes &&
                      key.find_first_of(std::string("\r\n\0 \t", 5)) == std::string::npos;
  if (!usable) {
    base::wipe(key);
    return base::fail(Errc::kInvalid, from + " holds no API key",
                      "it must be one line without spaces");
  }
  return ApiKey(std::move(key));
}

}  // namespace

ApiKey::ApiKey(ApiKey&& other) noexcept : key_(std::move(other.key_)) {
  base::wipe(other.key_);
}
ApiKey& ApiKey::operator=(ApiKey&& other) noexcept {
  if (this != &other) {
    base::wipe(key_);
    key_ = std::move(other.key_);
    base::wipe(other.key_);
  }
  return *this;
}
ApiKey::~ApiKey() {
  base::wipe(key_);
}

base::Result<ApiKey> ApiKey::from_file(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0)
    return base::fail(Errc::kIo, "API key file " + path + " cannot be read");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return base::fail(Errc::kDenied, "API key file " + path + " is open to others",
                      "run: chmod 600 " + path);
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return base::fail(Errc::kIo, "API key file " + path + " is empty");
  return checked_key(std::move(line), path);
}

base::Result<ApiKey> ApiKey::from_env(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0')
    return base::fail(Errc::kNotFound, "environment variable " + name + " is not set");
  return checked_key(value, name);
}

}  // namespace orchestration
