// A file descriptor that closes itself, and two of them.
#pragma once

#include <string>

#include "nostr/base/result.h"

namespace orchestration {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { close(); }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release();
  void close();

 private:
  int fd_ = -1;
};

/// pipe(2), closed on exec.
struct Pipe {
  Fd read;
  Fd write;
  static base::Result<Pipe> open();
};

/// A descriptor of memory that holds `bytes`, at its beginning, closed on exec.
base::Result<Fd> memory_file(const char* name, const std::string& bytes);

}  // namespace orchestration
