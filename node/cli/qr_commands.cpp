// qr: a text as a QR code.
#include "node/cli/command.h"
#include "node/cli/qr.h"
#include "nostr/base/json.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

/// Other users of the machine read the arguments of a process; its standard input they do not.
Result<void> refuse_secret(std::string_view text) {
  for (const std::string_view prefix : {"nsec1", "nostr:nsec1", "bfshare1", "sovshare1", "bunker://", "nostr+walletconnect://"})
    if (text.starts_with(prefix))
      return fail(Errc::kDenied, "a secret is not taken from the command line", "sovereign qr - < FILE");
  return {};
}

Result<std::string> text_of(const std::string& argument) {
  if (argument != "-") {
    TRY(refuse_secret(argument));
    return argument;
  }
  TRY(std::string text, read_input("-"));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

Value rows_of(const QrModules& modules) {
  Value rows = Value::array();
  for (const std::vector<bool>& row : modules) {
    std::string line;
    for (const bool dark : row) line += dark ? '1' : '0';
    rows.push_back(line);
  }
  return rows;
}

Result<void> show(const Context& context, const std::string& argument) {
  TRY(const std::string text, text_of(argument));
  if (!context.json) return print_qr(text);
  TRY(const QrModules modules, qr_modules(text));
  print_json({{"modules", rows_of(modules)}, {"size", modules.size()}});
  return {};
}

int qr(const Context& context, const std::string& argument) {
  if (auto shown = show(context, argument); !shown) return report(context, shown.error());
  return kOk;
}

}  // namespace

void add_qr_commands(CLI::App& app, Context& context, Action* chosen) {
  auto text = std::make_shared<std::string>();
  auto* command = app.add_subcommand("qr", "Show a text as a QR code, for phones");
  command->add_option("text", *text, "The text; - reads it from stdin, as secrets must be")->required();
  command->footer(
      "Examples:\n"
      "  sovereign qr nostr:$NPUB\n"
      "  sovereign encode npub $NPUB | sovereign qr -");
  command->callback([=, &context] { *chosen = [=, &context] { return qr(context, *text); }; });
}

}  // namespace node::cli
