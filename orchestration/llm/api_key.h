// ApiKey: what opens a paid endpoint; wiped when it dies and impossible to print by accident.
#pragma once

#include <string>

#include "nostr/base/result.h"

namespace orchestration {

class ApiKey {
 public:
  ApiKey() = default;
  explicit ApiKey(std::string key) : key_(std::move(key)) {}
  ApiKey(ApiKey&& other) noexcept;
  ApiKey& operator=(ApiKey&& other) noexcept;
  ApiKey(const ApiKey&) = delete;
  ApiKey& operator=(const ApiKey&) = delete;
  ~ApiKey();

  bool empty() const { return key_.empty(); }
  const std::string& expose() const { return key_; }

  /// One line from `path`, which must not be readable by others. kIo, kDenied or kInvalid.
  static base::Result<ApiKey> from_file(const std::string& path);
  /// The value of environment variable `name`; kNotFound when unset or empty.
  static base::Result<ApiKey> from_env(const std::string& name);

 private:
  std::string key_;
};

}  // namespace orchestration
