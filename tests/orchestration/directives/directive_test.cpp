// Directives: strict files, an order that does not waver, and matching by whole words.
#include "orchestration/directives/directive.h"

#include <gtest/gtest.h>

#include "nostr/base/files.h"
#include "orchestration/front_matter.h"
#include "tests/orchestration/support/temp_dir.h"

namespace orchestration {
namespace {

std::string file(const std::string& front, const std::string& body = "\nBody.\n") { return "---\n" + front + "---\n" + body; }

class Directives : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) { ASSERT_TRUE(base::write_file(dir_.path(name), text).has_value()); }
  std::vector<std::string> ids() {
    std::vector<std::string> out;
    for (const Directive& one : folder_.read()->all) out.push_back(one.id);
    return out;
  }
  testing::TempDir dir_;
  DirectiveFolder folder_{dir_.root()};
};

// Checklist 79.
TEST(DirectiveFiles, AreReadStrictly) {
  const auto fails = [](const std::string& text) { return !parse_directive("f.md", text).has_value(); };
  EXPECT_TRUE(fails("no front matter\nstatus: active\n"));
  EXPECT_TRUE(fails("\n" + file("id: a\n")));
  EXPECT_TRUE(fails("---\nid: a\nstatus: active\n"));
  EXPECT_TRUE(fails(file("id: a\n\tstatus: active\n")));
  EXPECT_TRUE(fails(file("id: a\nid: b\n")));
  EXPECT_TRUE(fails(file("id: A b\n")));
  EXPECT_TRUE(fails(file("title: no id\n")));
  EXPECT_TRUE(fails(file("id: a\n", std::string(1 << 20, 'x'))));
  const auto error = parse_directive("f.md", file("id: a\ntitle: x\nid: b\n")).error();
  EXPECT_NE(error.detail.find("line 4"), std::string::npos);
}

// Checklist 79.
TEST(DirectiveFiles, TakeListsAndTimesAndIgnoreWhatTheyDoNotKnow) {
  const auto one = parse_directive("f.md", file("id: d-022\ntitle: \"Orchestrate: all\"\nstatus: 'active'\npriority: urgent\ncreated: 2026-01-10T12:00:00Z\nupdated: 2026-01-11\n"
                                                "tags: [a, \"b\"]\nsteps:\n  - one\n  - two\nowner:\n  name: x\n")).value();
  EXPECT_EQ(one.id, "d-022");
  EXPECT_EQ(one.title, "Orchestrate: all");
  EXPECT_EQ(one.status, DirectiveStatus::kActive);
  EXPECT_EQ(one.priority, DirectivePriority::kCritical);
  EXPECT_EQ(one.created, "2026-01-10T12:00:00Z");
  EXPECT_TRUE(one.warnings.empty());
}

// Checklist 79: nothing is active by accident, and the body has no say.
TEST(DirectiveFiles, AnUnknownStatusIsPaused) {
  const auto odd = parse_directive("f.md", file("id: a\nstatus: actve\n", "\nstatus: active\n")).value();
  EXPECT_EQ(odd.status, DirectiveStatus::kPaused);
  EXPECT_EQ(odd.warnings.size(), 1u);
  EXPECT_EQ(parse_directive("f.md", file("id: a\n", "\nstatus: active\n"))->status, DirectiveStatus::kPaused);
}

// Checklist 79.
TEST_F(Directives, OfTwoWithOneIdTheLaterFileIsRejected) {
  write("a.md", file("id: same\nstatus: active\ntitle: first\n"));
  write("b.md", file("id: same\nstatus: active\ntitle: second\n"));
  write("c.md", "nothing");
  write("d.txt", file("id: other\n"));
  const auto contents = folder_.read().value();
  ASSERT_EQ(contents.all.size(), 1u);
  EXPECT_EQ(contents.all[0].title, "first");
  ASSERT_EQ(contents.rejected.size(), 2u);
  EXPECT_NE(contents.rejected[0].find("b.md"), std::string::npos);
  EXPECT_TRUE(DirectiveFolder(dir_.path("nowhere")).read()->all.empty());
}

// Checklist 80.
TEST_F(Directives, StandByPriorityThenTheLatestUpdate) {
  write("1.md", file("id: low\nstatus: active\npriority: low\nupdated: 2026-05-01\n"));
  write("2.md", file("id: old\nstatus: active\npriority: high\nupdated: 2026-01-01\n"));
  write("3.md", file("id: new\nstatus: active\npriority: high\nupdated: 2026-02-01\n"));
  write("4.md", file("id: first\nstatus: active\npriority: critical\nupdated: 2025-01-01\n"));
  write("5.md", file("id: plain\nstatus: active\nupdated: 2026-01-01\n"));
  EXPECT_EQ(ids(), (std::vector<std::string>{"first", "new", "old", "plain", "low"}));
}

// Checklist 80.
TEST_F(Directives, AreNarrowedToTheUrgentOnes) {
  const std::pair<const char*, const char*> files[] = {{"a", "critical"}, {"b", "high"}, {"c", "medium"}, {"d", "low"}};
  for (const auto& [id, priority] : files)
    write(std::string(id) + ".md", file(std::string("id: ") + id + "\nstatus: active\npriority: " + priority + "\n"));
  const auto all = folder_.read()->all;
  EXPECT_EQ(at_least(all, DirectivePriority::kCritical).size(), 1u);
  EXPECT_EQ(at_least(all, DirectivePriority::kHigh).size(), 2u);
  EXPECT_EQ(at_least(all, DirectivePriority::kHigh).back().id, "b");
  EXPECT_EQ(at_least(all, DirectivePriority::kLow).size(), 4u);
}

// Checklist 80.
TEST_F(Directives, TheSectionIsShortAndShowsOneGoal) {
  for (int i = 0; i < 7; ++i)
    write(std::to_string(i) + ".md", file("id: d" + std::to_string(i) + "\nstatus: " + (i == 6 ? "paused" : "active") + "\n", "\n# Goal\n\n" + std::string(700, 'g') + std::to_string(i) + "\n\nMore.\n"));
  const std::string section = directives_section(folder_.read()->all, 5);
  EXPECT_NE(section.find("- d0 (medium)"), std::string::npos);
  EXPECT_NE(section.find(std::string(600, 'g') + "\n"), std::string::npos);
  EXPECT_EQ(section.find(std::string(601, 'g')), std::string::npos);
  EXPECT_EQ(section.find("d5"), std::string::npos);
  EXPECT_EQ(section.find("d6"), std::string::npos);
  EXPECT_NE(section.find("1 more"), std::string::npos);
  EXPECT_EQ(directives_section({}), "");
}

// Checklist 80.
TEST_F(Directives, AreFoundByWholeWordsOnly) {
  write("1.md", file("id: build\nstatus: active\ntitle: Build the parser\n"));
  write("2.md", file("id: ui\nstatus: active\ntitle: A better UI for the wallet\n"));
  write("3.md", file("id: off\nstatus: paused\ntitle: A better UI\n"));
  const auto found = [&](const std::string& query) {
    std::vector<std::string> out;
    for (const Directive& one : related(folder_.read()->all, query, 10)) out.push_back(one.id);
    return out;
  };
  EXPECT_EQ(found("ui"), (std::vector<std::string>{"ui"}));
  EXPECT_EQ(found("pars"), std::vector<std::string>{});
  EXPECT_EQ(found(""), std::vector<std::string>{});
  EXPECT_EQ(found("the"), std::vector<std::string>{});
  EXPECT_EQ(found("wallet tests"), (std::vector<std::string>{"ui"}));
}

TEST_F(Directives, AChangeTouchesItsLineOnly) {
  const std::string before = "---\nid: a\ntags: [x, y]\nstatus: active\n# a remark\n---\n\n# Goal\n\nstatus: active\n";
  write("a.md", before);
  const auto changed = folder_.set_status("a", DirectiveStatus::kCompleted, base::unix_time(1'764'201'600)).value();
  EXPECT_EQ(changed.status, DirectiveStatus::kCompleted);
  EXPECT_EQ(base::read_file(dir_.path("a.md")).value(),
            "---\nid: a\ntags: [x, y]\nstatus: \"completed\"\n# a remark\nupdated: \"2025-11-27\"\n---\n\n# Goal\n\nstatus: active\n");
  EXPECT_EQ(folder_.set_status("b", DirectiveStatus::kPaused, {}).error().code, base::Errc::kNotFound);
}

TEST_F(Directives, ANewOneIsReadBackAsWritten) {
  const Directive made{.id = "d-1", .title = "Answer questions", .status = DirectiveStatus::kActive, .created = "2026-01-01", .updated = "2026-01-01", .body = "Within a day."};
  EXPECT_EQ(folder_.add(made)->goal(), "Within a day.");
  EXPECT_EQ(folder_.find("d-1")->title, "Answer questions");
  EXPECT_EQ(folder_.add(made).error().code, base::Errc::kConflict);
  Directive sly = made;
  sly.id = "d-2";
  sly.title = "x\"\nstatus: active";
  EXPECT_EQ(folder_.add(sly).error().code, base::Errc::kInvalid);
}

}  // namespace
}  // namespace orchestration
