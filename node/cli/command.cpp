// Printing, errors and exit codes of the command line.
#include "node/cli/command.h"

#include <cstdio>
#include <iostream>
#include <iterator>

#include <unistd.h>

#include <fmt/format.h>

#include "nostr/base/log.h"

namespace node::cli {

int exit_code_of(const base::Error& error) {
  switch (error.code) {
    case base::Errc::kDenied:
    case base::Errc::kApprovalRequired:
      return kDenied;
    case base::Errc::kTimeout:
      return kTimeout;
    case base::Errc::kCancelled:
      return kInterrupted;
    case base::Errc::kInvalid:
    case base::Errc::kNotFound:
    case base::Errc::kLimit:
    case base::Errc::kConflict:
    case base::Errc::kClosed:
    case base::Errc::kUnavailable:
    case base::Errc::kPeer:
    case base::Errc::kCrypto:
    case base::Errc::kIo:
    case base::Errc::kDatabase:
    case base::Errc::kUnsupported:
    case base::Errc::kInternal:
      return kFailed;
  }
  return kFailed;
}

int report(const Context& context, const base::Error& error) {
  if (context.json) {
    const base::json::Value object = {
        {"error", base::errc_name(error.code)}, {"detail", error.detail}, {"hint", error.hint}};
    fmt::print(stderr, "{}\n", base::json::dump(object));
  } else {
    fmt::print(stderr, "error: {}\n", base::escape_for_terminal(error.detail));
    if (!error.hint.empty())
      fmt::print(stderr, "hint: {}\n", base::escape_for_terminal(error.hint));
  }
  return exit_code_of(error);
}

int report_usage(const Context& context, const base::Error& error) {
  const int code = report(context, error);
  return error.code == base::Errc::kInvalid ? kUsage : code;
}

int report_control(const Context& context, const base::Error& error) {
  const int code = report(context, error);
  return error.code == base::Errc::kUnavailable ? kNotRunning : code;
}

void print_line(std::string_view line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void print_foreign(std::string_view line) { print_line(base::escape_for_terminal(line)); }

void print_foreign(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) print_foreign(line);
}

void print_document(std::string_view text) {
  if (::isatty(STDOUT_FILENO) != 1) {
    fmt::print("{}", text);
    std::fflush(stdout);
    return;
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    print_foreign(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void progress(const Context& context, std::string_view line) {
  if (!context.quiet) fmt::print(stderr, "{}\n", base::escape_for_terminal(line));
}

void print_json(const base::json::Value& value) {
  print_line(base::json::dump(value));
}

base::Result<std::string> read_input(const std::string& path, std::size_t max_bytes) {
  if (path != "-") return read_file(path, max_bytes);
  std::string text;
  std::array<char, 16'384> chunk;
  while (std::cin.read(chunk.data(), chunk.size()), std::cin.gcount() > 0) {
    text.append(chunk.data(), static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > max_bytes)
      return base::fail(base::Errc::kLimit,
                        fmt::format("standard input is over {} bytes", max_bytes));
  }
  return text;
}

}  // namespace node::cli
