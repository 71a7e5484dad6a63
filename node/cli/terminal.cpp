// Termios, poll and a signal handler that only notes.
#include "node/cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include <fmt/format.h>

namespace node::cli {
namespace {

volatile std::sig_atomic_t noted_signal = 0;

void note_signal(int number) {
  noted_signal = number;
}

struct sigaction earlier_int, earlier_term;

}  // namespace

bool shows_to_people() {
  return ::isatty(STDOUT_FILENO) == 1;
}

bool people_type() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
}

TerminalSize terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

Interrupt::Interrupt() {
  noted_signal = 0;
  struct sigaction action{};
  action.sa_handler = note_signal;  // without SA_RESTART: a wait ends at once
  ::sigaction(SIGINT, &action, &earlier_int);
  ::sigaction(SIGTERM, &action, &earlier_term);
}

Interrupt::~Interrupt() {
  ::sigaction(SIGINT, &earlier_int, nullptr);
  ::sigaction(SIGTERM, &earlier_term, nullptr);
}

int Interrupt::signal() const {
  return noted_signal;
}

std::optional<char> Interrupt::wait(std::chrono::milliseconds time, bool keys) const {
  if (noted_signal != 0) return std::nullopt;
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  const timespec limit{.tv_sec = time.count() / 1000, .tv_nsec = (time.count() % 1000) * 1'000'000};
  char key = 0;
  if (::ppoll(&input, keys ? 1 : 0, &limit, nullptr) == 1 && ::read(STDIN_FILENO, &key, 1) == 1)
    return key;
  return std::nullopt;
}

struct RawKeys::Saved {
  termios before{};
};

RawKeys::RawKeys() {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) != 0) return;
  saved_ = std::make_unique<Saved>(now);
  now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
}

RawKeys::~RawKeys() {
  if (saved_) ::tcsetattr(STDIN_FILENO, TCSANOW, &saved_->before);
}

std::string cut_to_columns(std::string_view line, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < line.size(); ++at)
    if ((static_cast<unsigned char>(line[at]) & 0xC0) != 0x80 && seen++ == columns) break;
  return std::string(line.substr(0, at));
}

std::optional<std::string> ask_line(std::string_view question) {
  if (!people_type()) return std::nullopt;
  fmt::print(stderr, "{} ", question);
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

std::optional<bool> ask_yes_no(std::string_view question, bool fallback) {
  for (;;) {
    const auto line = ask_line(fmt::format("{} [{}]", question, fallback ? "Y/n" : "y/N"));
    if (!line) return std::nullopt;
    if (line->empty()) return fallback;
    if (*line == "y" || *line == "Y" || *line == "yes") return true;
    if (*line == "n" || *line == "N" || *line == "no") return false;
  }
}

}  // namespace node::cli
