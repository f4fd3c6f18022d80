// What a function host asks for: state, services, other functions, queues and the outside. It is
// given what one of its functions may have, whoever asks: they share an address space.

#include <caf/all.hpp>

#include "actors/fetch/fetch_api.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/worker/function_codec.hpp"
#include "actors/worker/worker_process.hpp"

namespace themis {
namespace {

/// Of a namespace; longer ones are nobody's.
constexpr size_t kNameBytesMax = 128;

/// The function that a call names, when it names one.
Result<std::string> name_of(const wire::Msg<schema::Invoke>& message) {
  return wire::decode(message, [](const schema::Invoke::Reader& invoke) -> Result<std::string> {
    return std::string(wire::text_of(invoke.getFunction()).substr(0, kNameBytesMax));
  });
}

/// Events come from the clock and from queues, never from a host.
bool is_event(const wire::Msg<schema::Invoke>& message) {
  const auto event = wire::decode(
      message,
      [](const schema::Invoke::Reader& invoke) -> Result<uint8_t> { return invoke.getEvent(); });
  return !event || *event != 0;
}

}  // namespace

void WorkerProcess::admit(const Call& call) {
  if (names_.size() >= kNamesMax) names_.clear();
  names_.insert(call.function->name);
  if (auto name = name_of(call.invoke); name && !name->empty()) names_.insert(std::move(*name));
  if (!call.function->settings) return;
  if (granted_.size() >= kNamesMax) granted_.clear();
  if (fetching_.size() >= kNamesMax) fetching_.clear();
  const bundle::Settings& settings = *call.function->settings;
  fetching_.emplace(call.function->id, call.function->settings);
  for (const auto& [binding, function] : settings.functions) granted_.insert("fn/" + function);
  for (const auto& [binding, queue] : settings.queues) granted_.insert("queue/" + queue);
}

/// A question of the host, to be answered with an `Answered`.
template <class Answered, class Question>
caf::result<Answered> WorkerProcess::pass_on(const caf::actor& to, const Question& question) {
  if (asks_ >= kAsksPerProcessMax)
    return to_caf({Code::overloaded, "too many questions of this process wait"});
  ++asks_;
  auto promise = make_response_promise<Answered>();
  request(to, caf::infinite, question)
      .then(
          [this, promise](const Answered& answer) mutable {
            --asks_;
            note_flow(answer);
            promise.deliver(answer);
          },
          [this, promise](const caf::error& error) mutable {
            --asks_;
            promise.deliver(error);
          });
  return caf::delegated<Answered>{};
}

caf::result<wire::Msg<schema::StateAnswered>> WorkerProcess::ask_state(
    const wire::Msg<schema::AskState>& question) {
  const auto name_space =
      wire::decode(question, [](const schema::AskState::Reader& ask) -> Result<std::string> {
        return std::string(wire::text_of(ask.getNameSpace()).substr(0, kNameBytesMax));
      });
  if (!name_space) return to_caf(name_space.error());
  if (!state_) return to_caf({Code::not_found, "this node keeps no state"});
  if (!names_.contains(*name_space) && !options_.shared_state.contains(*name_space))
    return to_caf(
        {Code::denied, "another function's state, and workers.shared_state does not name it"});
  return pass_on<wire::Msg<schema::StateAnswered>>(state_, AskHome{question});
}

caf::result<wire::Msg<schema::Outcome>> WorkerProcess::call_service(
    const wire::Msg<schema::Invoke>& invoke) {
  const auto code = fetching_code(invoke);
  if (!code) return to_caf(code.error());
  if (*code) return fetch(**code, invoke);
  const Result<std::string> name = name_of(invoke);
  if (!name) return to_caf(name.error());
  if (is_event(invoke)) return to_caf({Code::denied, "functions make requests, no events"});
  const bool is_function = name->starts_with("fn/");
  if (!is_function && !name->starts_with("queue/")) {
    if (!services_) return to_caf({Code::denied, "functions of this node call no services"});
    return pass_on<wire::Msg<schema::Outcome>>(services_, invoke);
  }
  const caf::actor& to = is_function ? functions_gate_ : queues_;
  if (!to || !granted_.contains(*name))
    return to_caf({Code::denied, "no manifest of a function here names " + *name});
  return pass_on<wire::Msg<schema::Outcome>>(to, invoke);
}

caf::result<wire::Msg<schema::Outcome>> WorkerProcess::fetch(
    const CodeId& code, const wire::Msg<schema::Invoke>& invoke) {
  const auto granted = fetching_.find(code);
  if (!fetcher_ || granted == fetching_.end())
    return to_caf({Code::denied, "functions of this node fetch nothing"});
  const std::shared_ptr<const FetchHosts> own(granted->second, &granted->second->fetch);
  return pass_on<wire::Msg<schema::Outcome>>(fetcher_, FetchOutward{invoke, {options_.fetch, own}});
}

}  // namespace themis
