#include "orchestration/directives/ranking.h"

#include "orchestration/envelope.h"
#include "orchestration/programs/program.h"

namespace orchestration {
namespace {

constexpr std::size_t kMaxJudged = 16'384;

}  // namespace

base::Task<base::Result<Ranking>> rank(Runner& runner, Directive directive) {
  if (directive.ranked)
    co_return base::fail(base::Errc::kInvalid, directive.id + " says itself how urgent it is");
  CO_TRY(const Program* program, find_program("directive-priority"));
  const std::string text = directive.title + "\n\n" + directive.body;
  CO_TRY(const Answer answer, co_await runner.run(*program, {{"directive_text", std::string(cut_utf8(text, kMaxJudged))}}, {.fall_back = false}));
  Ranking out{.reasoning = answer.reasoning};
  CO_TRY(out.priority, parse_directive_priority(base::json::string_or(answer.values, "priority")));
  co_return out;
}

}  // namespace orchestration
