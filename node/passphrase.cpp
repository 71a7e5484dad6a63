// Reading a passphrase.
#include "node/passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "node/home.h"
#include "nostr/base/bytes.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using frostr::SecretText;

constexpr std::size_t kMaxPassphrase = 1'024;
constexpr char kInterrupt = 3;  // what Ctrl-C types while the terminal makes no signals
constexpr char kEndOfInput = 4;

/// Bytes of `fd` up to the line end, which is not kept. Byte by byte: what follows belongs to others.
Result<SecretText> read_line(int fd) {
  std::string line;
  line.reserve(kMaxPassphrase);  // never moved, so no copy stays behind
  for (;;) {
    char c = 0;
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || c == '\n' || c == '\r' || c == kEndOfInput) break;
    if (c == kInterrupt || line.size() == kMaxPassphrase) {
      base::wipe(line);
      return c == kInterrupt
                 ? fail(Errc::kCancelled, "no passphrase was given")
                 : fail(Errc::kLimit, fmt::format("a passphrase is at most {} bytes", kMaxPassphrase));
    }
    line.push_back(c);
  }
  SecretText secret(std::move(line));
  if (secret.expose().empty()) return fail(Errc::kInvalid, "the passphrase is empty");
  return secret;
}

/// The controlling terminal, silent while it lives. Signals are off as well: a Ctrl-C must not leave
/// a terminal without echo behind.
class SilentTerminal {
 public:
  SilentTerminal() : fd_(::open("/dev/tty", O_RDWR | O_CLOEXEC)) {
    if (fd_ < 0 || ::tcgetattr(fd_, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    silenced_ = ::tcsetattr(fd_, TCSAFLUSH, &silent) == 0;
  }
  ~SilentTerminal() {
    if (silenced_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
    if (fd_ >= 0) ::close(fd_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

  bool is_there() const { return silenced_; }
  Result<SecretText> ask(const std::string& prompt) const {
    say(prompt + ": ");
    auto line = read_line(fd_);
    say("\n");
    return line;
  }

 private:
  void say(const std::string& text) const {
    static_cast<void>(!::write(fd_, text.data(), text.size()));
  }

  int fd_ = -1;
  termios before_{};
  bool silenced_ = false;
};

Result<SecretText> read_typed(const std::string& prompt, Typed typed) {
  const SilentTerminal terminal;
  if (!terminal.is_there())
    return fail(Errc::kDenied, "a passphrase is needed and there is no terminal to ask at",
                "--passphrase-file FILE, or SOVEREIGN_PASSPHRASE_FILE");
  TRY(SecretText phrase, terminal.ask(prompt));
  if (typed == Typed::kOnce) return phrase;
  TRY(const SecretText again, terminal.ask("the same again"));
  if (again.expose() != phrase.expose())
    return fail(Errc::kInvalid, "the two passphrases differ");
  return phrase;
}

}  // namespace

Result<SecretText> read_passphrase(const std::string& file, const std::string& prompt,
                                   Typed typed) {
  std::string path = file;
  if (path.empty())
    if (const char* named = std::getenv("SOVEREIGN_PASSPHRASE_FILE")) path = named;  // NOLINT(concurrency-mt-unsafe)
  if (path.empty()) return read_typed(prompt, typed);
  if (path == "-") return read_line(STDIN_FILENO);
  TRY(std::string text, read_secret_file(path));
  const std::size_t end = text.find_first_of("\r\n");
  SecretText phrase(end == std::string::npos ? text : text.substr(0, end));
  base::wipe(text);
  if (phrase.expose().empty()) return fail(Errc::kInvalid, path + " holds no passphrase");
  return phrase;
}

}  // namespace node
