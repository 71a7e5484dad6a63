#include "orchestration/programs/saved.h"

#include <cmath>

#include <fmt/format.h>

#include "nostr/base/files.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kMaxFile = 4u << 20;
constexpr base::json::Limits kLimits{.max_bytes = kMaxFile, .max_depth = 64};

Value body_of(const SavedProgram& program) {
  Value demos = Value::array();
  for (const Demo& demo : program.demos) demos.push_back({{"inputs", demo.inputs}, {"outputs", demo.outputs}});
  return {{"format", kFormat},
          {"signature", program.signature},
          {"version", program.version},
          {"fields", program.fields.hex()},
          {"instruction", program.instruction},
          {"demos", std::move(demos)},
          {"optimiser", program.optimiser},
          {"seed", program.seed},
          {"dataset", program.dataset.hex()},
          {"metric", program.metric},
          {"before", program.before},
          {"after", program.after},
          {"examples", program.examples},
          {"model", program.model},
          {"created_at", base::to_unix(program.created_at)},
          {"parent", program.parent ? Value(program.parent->hex()) : Value()}};
}

/// Sorted keys and shortest numbers; the canonical form of events takes no fractions, scores are some.
nostr::Sha256 hash_body(const Value& body) { return nostr::sha256(base::json::dump(body)); }

Result<nostr::Sha256> hash_at(const Value& body, std::string_view key) {
  TRY(const std::string hex, base::json::get_string(body, key));
  return nostr::Sha256::from_hex(hex);
}

Result<double> score_at(const Value& body, std::string_view key) {
  const auto found = body.find(std::string(key));
  if (found == body.end() || !found->is_number()) return fail(Errc::kInvalid, std::string(key) + " is no number");
  return found->get<double>();
}

Result<std::vector<Demo>> demos_at(const Value& body) {
  TRY(const Value list, base::json::get_array(body, "demos"));
  std::vector<Demo> out;
  for (const Value& one : list) {
    Demo demo;
    TRY(demo.inputs, base::json::get_object(one, "inputs"));
    TRY(demo.outputs, base::json::get_object(one, "outputs"));
    out.push_back(std::move(demo));
  }
  return out;
}

Result<SavedProgram> read_body(const Value& body) {
  SavedProgram out;
  TRY(out.signature, base::json::get_string(body, "signature"));
  TRY(const std::int64_t version, base::json::get_int(body, "version"));
  out.version = static_cast<std::uint32_t>(version);
  TRY(out.fields, hash_at(body, "fields"));
  TRY(out.instruction, base::json::get_string(body, "instruction"));
  TRY(out.demos, demos_at(body));
  TRY(out.optimiser, base::json::get_string(body, "optimiser"));
  TRY(const std::int64_t seed, base::json::get_int(body, "seed"));
  out.seed = static_cast<std::uint64_t>(seed);
  TRY(out.dataset, hash_at(body, "dataset"));
  TRY(out.metric, base::json::get_string(body, "metric"));
  TRY(out.before, score_at(body, "before"));
  TRY(out.after, score_at(body, "after"));
  out.examples = static_cast<std::uint32_t>(base::json::int_or(body, "examples"));
  out.model = base::json::string_or(body, "model");
  TRY(const std::int64_t created, base::json::get_int(body, "created_at"));
  out.created_at = base::unix_time(created);
  if (body.contains("parent") && !body["parent"].is_null()) {
    TRY(out.parent, hash_at(body, "parent"));
  }
  return out;
}

}  // namespace

nostr::Sha256 hash_of(const SavedProgram& program) { return hash_body(body_of(program)); }

std::string to_text(const SavedProgram& program) {
  Value body = body_of(program);
  body["hash"] = hash_body(body).hex();
  return body.dump(2, ' ', false, Value::error_handler_t::replace) + "\n";
}

Result<SavedProgram> parse_saved(std::string_view text) {
  TRY(Value body, base::json::parse(text, kLimits));
  TRY(const std::int64_t format, base::json::get_int(body, "format"));
  if (format != kFormat) return fail(Errc::kUnsupported, fmt::format("its format is {}, this program knows {}", format, kFormat));
  TRY(const nostr::Sha256 hash, hash_at(body, "hash"));
  body.erase("hash");
  if (hash_body(body) != hash) return fail(Errc::kInvalid, "its hash does not fit: the file was changed after it was written");
  return read_body(body);
}

Result<Program> apply(const SavedProgram& saved, Program builtin) {
  if (saved.signature != builtin.signature.id || saved.version != builtin.signature.version || saved.fields != fields_hash(builtin.signature))
    return fail(Errc::kInvalid, "it was made for other fields than " + builtin.signature.id + " has now", "compile it again");
  builtin.signature.instruction = saved.instruction;
  builtin.signature.demos = saved.demos;
  TRY(check(builtin.signature));
  return builtin;
}

Result<ProgramShelf::Pointer> ProgramShelf::pointer(std::string_view signature) const {
  auto text = base::read_file(folder_ / signature / "active.json", 65'536);
  if (!text && text.error().code == Errc::kNotFound) return Pointer{};
  if (!text) return std::unexpected(text.error());
  TRY(const Value body, base::json::parse(*text));
  TRY(const Value line, base::json::get_array(body, "line"));
  Pointer out;
  for (const Value& one : line) {
    if (!one.is_string()) return fail(Errc::kInvalid, "active.json holds something that is no hash");
    TRY(const nostr::Sha256 hash, nostr::Sha256::from_hex(one.get_ref<const std::string&>()));
    out.line.push_back(hash);
  }
  return out;
}

Result<void> ProgramShelf::point(std::string_view signature, const Pointer& to) {
  Value line = Value::array();
  for (const nostr::Sha256& hash : to.line) line.push_back(hash.hex());
  return base::write_file(folder_ / signature / "active.json", base::json::dump({{"line", line}}) + "\n", 0600);
}

Result<nostr::Sha256> ProgramShelf::save(const SavedProgram& program) {
  TRY(const Program* builtin, find_program(program.signature));
  TRY(apply(program, *builtin));
  std::error_code error;
  fs::create_directories(folder_ / program.signature, error);
  if (error) return fail(Errc::kIo, fmt::format("cannot create {}: {}", (folder_ / program.signature).string(), error.message()));
  const nostr::Sha256 hash = hash_of(program);
  TRY(base::write_file(folder_ / program.signature / (hash.hex() + ".json"), to_text(program), 0600));
  TRY(Pointer line, pointer(program.signature));
  std::erase(line.line, hash);
  line.line.insert(line.line.begin(), hash);
  if (line.line.size() > kHistory + 1) line.line.resize(kHistory + 1);
  TRY(point(program.signature, line));
  return hash;
}

Result<SavedProgram> ProgramShelf::load(std::string_view signature, const nostr::Sha256& hash) const {
  const fs::path file = folder_ / signature / (hash.hex() + ".json");
  TRY(const std::string text, base::read_file(file, kMaxFile));
  auto saved = parse_saved(text);
  if (!saved) return std::unexpected(base::in_context(file.string(), saved.error()));
  if (hash_of(*saved) != hash) return fail(Errc::kInvalid, file.string() + " is another program than its name says");
  return saved;
}

ProgramShelf::Active ProgramShelf::active(const Program& builtin) const {
  Active out{.program = builtin, .hash = std::nullopt, .problem = ""};
  const auto line = pointer(builtin.signature.id);
  if (!line) {
    out.problem = line.error().detail;
    return out;
  }
  if (line->line.empty()) return out;
  const auto saved = load(builtin.signature.id, line->line.front());
  const auto applied = saved ? apply(*saved, builtin) : std::unexpected(saved.error());
  if (!applied) {
    out.problem = applied.error().detail;
    return out;
  }
  out.program = *applied;
  out.hash = line->line.front();
  return out;
}

Result<std::vector<nostr::Sha256>> ProgramShelf::history(std::string_view signature) const {
  TRY(Pointer line, pointer(signature));
  if (!line.line.empty()) line.line.erase(line.line.begin());
  return std::move(line.line);
}

Result<std::optional<nostr::Sha256>> ProgramShelf::rollback(std::string_view signature) {
  TRY(Pointer line, pointer(signature));
  if (line.line.empty()) return fail(Errc::kNotFound, std::string(signature) + " is the built-in program already");
  line.line.erase(line.line.begin());
  TRY(point(signature, line));
  if (line.line.empty()) return std::optional<nostr::Sha256>{};
  return std::optional(line.line.front());
}

}  // namespace orchestration
