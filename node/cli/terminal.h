// The terminal: whether there is one, how large it is, its keys, and an end by Ctrl-C that is clean.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace node::cli {

/// Whether people read standard output, or type at standard input.
bool shows_to_people();
bool people_type();

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};
TerminalSize terminal_size();

/// While one lives, SIGINT and SIGTERM do not end the process: they are noted, and end waits. One at a
/// time; main thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  /// The signal that came, or 0.
  int signal() const;
  /// Waits for `time`, or less when a signal comes, or a byte on standard input and `keys` says so; that
  /// byte.
  std::optional<char> wait(std::chrono::milliseconds time, bool keys = false) const;
};

/// Keys as they are pressed, not echoed, while it lives. Nothing without a terminal.
class RawKeys {
 public:
  RawKeys();
  ~RawKeys();
  RawKeys(const RawKeys&) = delete;
  RawKeys& operator=(const RawKeys&) = delete;

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

/// The first `columns` characters of `line`, each counted as one column.
std::string cut_to_columns(std::string_view line, std::size_t columns);

/// Asks for yes or no; `fallback` for an empty answer. nullopt without a terminal, or at end of file.
std::optional<bool> ask_yes_no(std::string_view question, bool fallback);
/// Asks for a line. nullopt without a terminal, or at end of file.
std::optional<std::string> ask_line(std::string_view question);

}  // namespace node::cli
