// Story: one approval from end to end, told with commands that anybody can type.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "node/demo/cast.h"

namespace node::demo {

/// What the operator is asked.
struct Question {
  std::string text;   ///< as their client shows it
  std::string code;   ///< "XXXX-XXXX"
  std::string asker;  ///< a co-signer's service key, hex
};

/// The model that thinks for the agent; without a URL the built-in playbook does.
struct Mind {
  std::string base_url, model, api_key_env;
};

class Story {
 public:
  using Say = std::function<void(std::string_view line)>;
  /// Plays the operator. It may return before they have answered.
  using Operator = std::function<base::Task<base::Result<void>>(const Question&)>;

  /// `patience` is how long the operator may take. References outlive the story.
  Story(Cast& cast, Say say, Mind mind, std::chrono::seconds patience)
      : cast_(cast), say_(std::move(say)), mind_(std::move(mind)), patience_(patience) {}

  /// From an empty folder to a checked record: every id on the way. kDenied when the operator said no,
  /// kTimeout when nobody answered in time: then nothing was signed.
  base::Task<base::Result<base::json::Value>> tell(Operator answer);

  /// Sends the operator's words to whoever asked; the message's id.
  base::Task<base::Result<std::string>> send_as_operator(const Question& question, std::string words);

  std::string relay() const { return relay_; }
  /// The command by which the operator could say `words` in another terminal.
  std::string command_to_answer(const Question& question, std::string_view words) const;
  std::string operator_key_file() const { return cast_.path("operator.key"); }
  /// Commands worth trying while everybody is still up.
  std::vector<std::string> further() const;

 private:
  base::Task<base::Result<void>> open_relay();
  base::Task<base::Result<void>> make_people();
  base::Task<base::Result<void>> open_cosigner(int share);
  base::Task<base::Result<void>> open_node();
  base::Task<base::Result<void>> mention();
  base::Task<base::Result<Question>> hear_question();
  base::Task<base::Result<std::string>> hear_outcome(const Question& question);
  base::Task<base::Result<void>> look_at_answer(const Question& question);
  base::Task<base::Result<void>> check();

  /// The newest event on the relay that matches, once there is one.
  base::Task<base::Result<base::json::Value>> stored(base::json::Value filter);
  base::Task<base::Result<std::string>> stored_id(int kind, std::string author);

  Cast& cast_;
  Say say_;
  Mind mind_;
  std::chrono::seconds patience_;
  std::string relay_, identity_, node_, operator_, group_;
  std::vector<std::string> cosigners_;  ///< service keys
  base::json::Value facts_ = base::json::Value::object();
};

}  // namespace node::demo
