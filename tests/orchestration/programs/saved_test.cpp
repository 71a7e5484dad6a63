// Programs as files: they vouch for themselves, fit their fields, and can be taken back.
#include "orchestration/programs/saved.h"

#include <gtest/gtest.h>

#include "nostr/base/files.h"
#include "tests/orchestration/support/temp_dir.h"

namespace orchestration {
namespace {

using base::json::Value;

SavedProgram better(const std::string& instruction) {
  const Signature& signature = (*find_program("path-safety"))->signature;
  return {.signature = signature.id,
          .version = signature.version,
          .fields = fields_hash(signature),
          .instruction = instruction,
          .demos = {{{{"path", "a/../b"}}, {{"safe", false}, {"reason", "it climbs"}}}},
          .optimiser = "bootstrap",
          .seed = 7,
          .dataset = nostr::sha256("data"),
          .metric = "match",
          .before = 0.5,
          .after = 0.75,
          .examples = 40,
          .model = "m",
          .created_at = base::unix_time(1'764'000'000),
          .parent = std::nullopt};
}

class SavedPrograms : public ::testing::Test {
 protected:
  std::filesystem::path file(const nostr::Sha256& hash) const { return std::filesystem::path(dir_.path("programs")) / "path-safety" / (hash.hex() + ".json"); }
  ProgramShelf::Active active() const { return shelf_.active(**find_program("path-safety")); }

  testing::TempDir dir_;
  ProgramShelf shelf_{dir_.path("programs")};
};

// Checklist 95.
TEST_F(SavedPrograms, ComeBackAsTheyWere) {
  EXPECT_FALSE(active().hash.has_value());
  const auto hash = shelf_.save(better("Judge the path.")).value();
  const auto loaded = shelf_.load("path-safety", hash).value();
  EXPECT_EQ(to_text(loaded), to_text(better("Judge the path.")));
  EXPECT_EQ(active().hash, hash);
  EXPECT_EQ(active().program.signature.instruction, "Judge the path.");
  EXPECT_EQ(active().program.signature.demos.size(), 1u);
  EXPECT_TRUE(active().program.fallback) << "the rule is no part of what is saved";
}

// Checklist 95.
TEST_F(SavedPrograms, WhatWasChangedIsReportedAndNotUsed) {
  const auto hash = shelf_.save(better("Judge the path.")).value();
  std::string text = base::read_file(file(hash)).value();
  text.replace(text.find("Judge"), 5, "Allow");
  ASSERT_TRUE(base::write_file(file(hash), text).has_value());
  EXPECT_FALSE(active().hash.has_value());
  EXPECT_NE(active().problem.find("hash does not fit"), std::string::npos);
  EXPECT_EQ(active().program.signature.instruction, (*find_program("path-safety"))->signature.instruction);
  std::filesystem::remove(file(hash));
  EXPECT_NE(active().problem.find("cannot read"), std::string::npos);
}

// Checklist 95.
TEST_F(SavedPrograms, OtherFormatsAndFieldsAreRefused) {
  Value body = base::json::parse(to_text(better("x")), {.max_bytes = 1u << 20}).value();
  body["format"] = 2;
  EXPECT_EQ(parse_saved(base::json::dump(body)).error().code, base::Errc::kUnsupported);
  SavedProgram foreign = better("x");
  foreign.fields = nostr::sha256("other fields");
  EXPECT_EQ(shelf_.save(foreign).error().code, base::Errc::kInvalid);
  SavedProgram older = better("x");
  older.version += 1;
  EXPECT_EQ(shelf_.save(older).error().code, base::Errc::kInvalid) << "another version of the signature";
  SavedProgram untaught = better("x");
  untaught.demos[0].outputs["safe"] = "perhaps";
  EXPECT_EQ(shelf_.save(untaught).error().code, base::Errc::kInvalid);
  SavedProgram wordy = better(std::string(kMaxInstruction + 1, 'x'));
  EXPECT_EQ(shelf_.save(wordy).error().code, base::Errc::kInvalid);
  EXPECT_FALSE(active().hash.has_value());
}

// Checklist 95.
TEST_F(SavedPrograms, RollBackFiveTimesAndThenToTheBuiltIn) {
  std::vector<nostr::Sha256> made;
  for (int i = 0; i < 8; ++i) made.push_back(shelf_.save(better("Number " + std::to_string(i))).value());
  EXPECT_EQ(shelf_.history("path-safety")->size(), ProgramShelf::kHistory);
  for (int i = 6; i >= 2; --i) EXPECT_EQ(shelf_.rollback("path-safety").value(), made[static_cast<std::size_t>(i)]);
  EXPECT_EQ(shelf_.rollback("path-safety").value(), std::nullopt);
  EXPECT_FALSE(active().hash.has_value());
  EXPECT_TRUE(active().problem.empty());
  EXPECT_EQ(shelf_.rollback("path-safety").error().code, base::Errc::kNotFound);
}

}  // namespace
}  // namespace orchestration
