#include "actors/services/home_asker.hpp"

#include <caf/all.hpp>

#include "actors/monitor/monitor_codec.hpp"
#include "actors/monitor/state_api.hpp"
#include "actors/system/caf_error.hpp"

namespace themis {

void ask_home(FunctionContext& context, const StateAsk& ask,
              std::function<void(const Result<StateAnswer>&)> found) {
  const std::string question = state_ask_json(ask);
  const std::string& name_space = ask.call.name_space;
  wire::Builder<schema::AskState> message(16 + (name_space.size() + question.size()) / 8);
  message->setNameSpace(wire::to_text(name_space));
  message->setCall(wire::to_data(as_bytes(question)));
  const auto read_answer = [](const StateAnsweredMsg& told) -> Result<StateAnswer> {
    return wire::decode(told, [](const schema::StateAnswered::Reader& from) -> Result<StateAnswer> {
      return parse_state_answer(as_text(wire::bytes_of(from.getAnswer())));
    });
  };
  const TimePoint deadline = context.loop.now() + kHomeAskMax;
  context.actor.request(context.router, caf::infinite, AskHome{message.finish(deadline)})
      .then([found, read_answer](const StateAnsweredMsg& told) { found(read_answer(told)); },
            [found](const caf::error& error) { found(fail(from_caf(error))); });
}

}  // namespace themis
