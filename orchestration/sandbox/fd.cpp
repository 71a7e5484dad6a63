// Descriptors.
#include "orchestration/sandbox/fd.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace orchestration {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::close() {
  if (const int fd = release(); fd >= 0) ::close(fd);
}

base::Result<Pipe> Pipe::open() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return base::fail(base::Errc::kIo, std::string("pipe: ") + std::strerror(errno));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

base::Result<Fd> memory_file(const char* name, const std::string& bytes) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd.valid() || ::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
      ::lseek(fd.get(), 0, SEEK_SET) != 0)
    return base::fail(base::Errc::kIo, std::string("memfd: ") + std::strerror(errno));
  return fd;
}

}  // namespace orchestration
