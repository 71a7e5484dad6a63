// How urgent a directive is that does not say so: a model's judgement, which its file's own word always beats.
#pragma once

#include "orchestration/directives/directive.h"
#include "orchestration/programs/predict.h"

namespace orchestration {

struct Ranking {
  DirectivePriority priority = DirectivePriority::kMedium;
  std::string reasoning;  ///< the model's; words of others
};

/// Asks the program `directive-priority`. kInvalid for one that says itself how urgent it is: nobody is asked then.
/// Errors of the model are errors here, so that no rule's guess is ever written into a file. What state a directive
/// is in no model decides.
base::Task<base::Result<Ranking>> rank(Runner& runner, Directive directive);

}  // namespace orchestration
