// Help that opens with examples, and hints for misspelt commands and flags.
#pragma once

#include <memory>
#include <span>
#include <string>

#include <CLI/CLI.hpp>

namespace node::cli {

/// Lays help out as: what it does, examples, usage, flags. A command's footer holds its examples. Set
/// it before subcommands are added: they take it over.
std::shared_ptr<CLI::FormatterBase> examples_first();

/// What stands below a command's description. CLI11 hands a footer down to subcommands; theirs is none of it.
/// A group of commands without examples shows the first of some of its commands.
std::string footer_of(const CLI::App& app);

/// "did you mean …?" for the first of `words` that names no command or flag where it stands; else how
/// to get help. For a command line that could not be parsed.
std::string spelling_hint(const CLI::App& root, std::span<char* const> words);

}  // namespace node::cli
