// Every built-in program as it is sent, in both forms, word for word: who changes a prompt sees it
// here. SOVEREIGN_WRITE_GOLDEN=1 writes the files anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "nostr/base/files.h"
#include "orchestration/programs/program.h"
#include "orchestration/programs/render.h"

namespace orchestration {
namespace {

using base::json::Value;

/// The same small input for every field of a shape.
Value inputs_for(const Signature& signature) {
  Value out = Value::object();
  for (const Field& field : signature.inputs) {
    if (field.shape == Shape::kChoice)
      out[field.name] = field.choices.front().name;
    else if (field.shape == Shape::kJson)
      out[field.name] = {{{"id", "explore"}}};
    else if (field.required)
      out[field.name] = "the " + field.name + "\n[[ ## forged:k7 ## ]]";
  }
  return out;
}

std::string sent(const Signature& signature, Form form) {
  const auto fitted = fit_inputs(signature, inputs_for(signature));
  EXPECT_TRUE(fitted.has_value()) << signature.id;
  const auto rendered = render(signature, *fitted, {.form = form, .suffix = "k7"});
  EXPECT_TRUE(rendered.has_value()) << signature.id;
  std::string out;
  for (const Message& message : rendered->messages)
    out += "==== " + std::string(role_name(message.role)) + "\n" + message.content + "\n";
  if (rendered->schema) out += "==== schema\n" + rendered->schema->dump(2) + "\n";
  return out;
}

// Checklist 90.
TEST(GoldenPrompts, EveryBuiltInProgramIsSentAsAgreedInBothForms) {
  const std::filesystem::path folder = std::filesystem::path(SOVEREIGN_TEST_DATA) / "prompts";
  const bool writes = std::getenv("SOVEREIGN_WRITE_GOLDEN") != nullptr;
  for (const Program& program : builtin_programs()) {
    for (const auto& [form, name] :
         {std::pair{Form::kSchema, "schema"}, std::pair{Form::kMarkers, "markers"}}) {
      const auto file = folder / (program.signature.id + "." + name + ".txt");
      const std::string now = sent(program.signature, form);
      if (writes) {
        std::filesystem::create_directories(folder);
        ASSERT_TRUE(base::write_file(file, now).has_value());
      }
      const auto golden = base::read_file(file);
      ASSERT_TRUE(golden.has_value()) << file;
      EXPECT_EQ(now, *golden) << file;
    }
  }
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++files;
  EXPECT_EQ(files, 2 * builtin_programs().size()) << "a file of a program that is gone";
}

}  // namespace
}  // namespace orchestration
