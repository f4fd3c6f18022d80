// What a function host asks for: state, services, other functions, queues and the outside. It is
// given what one of its functions may have, whoever asks: they share an address space.

#include <caf/all.hpp>
#include <charconv>

#include "actors/fetch/fetch_api.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/worker/function_codec.hpp"
#include "actors/worker/worker_process.hpp"

namespace themis {
namespace {

/// Of a namespace; longer ones are nobody's.
constexpr size_t kNameBytesMax = 128;
/// "alarm/" and 32 digits.
constexpr size_t kAlarmKeyBytes = 38;

/// The function that a call names, when it names one.
Result<std::string> name_of(const wire::Msg<schema::Invoke>& message) {
  return wire::decode(message, [](const schema::Invoke::Reader& invoke) -> Result<std::string> {
    return std::string(wire::text_of(invoke.getFunction()).substr(0, kNameBytesMax));
  });
}

/// The alarm that an actor writes, in the form that its prelude gives a question; nothing: none.
/// Who writes one in another form is woken after the next start of the node only.
std::optional<NoteAlarm> alarm_of(const std::string& name_space,
                                  const wire::Msg<schema::AskState>& question) {
  constexpr std::string_view kKey = "\"key\":\"";
  constexpr std::string_view kValue = "\",\"value\":\"";
  const auto found = wire::decode(
      question, [&](const schema::AskState::Reader& ask) -> Result<std::optional<NoteAlarm>> {
        const std::string_view json = as_text(wire::bytes_of(ask.getCall()));
        const std::string begin = std::string(kKey).append(bundle::kAlarmPrefix);
        const size_t at = json.find(begin);
        if (at == std::string_view::npos) return std::nullopt;
        const std::string_view key = json.substr(at + kKey.size(), kAlarmKeyBytes);
        const std::string_view rest =
            json.substr(std::min(json.size(), at + kKey.size() + kAlarmKeyBytes));
        if (!rest.starts_with(kValue)) return std::nullopt;  // it is taken away, or read
        NoteAlarm alarm{name_space, std::string(key), 0};
        const char* digits = rest.data() + kValue.size();
        const auto [end, error] = std::from_chars(digits, rest.data() + rest.size(), alarm.at_ms);
        if (error != std::errc{}) return std::nullopt;
        return alarm;
      });
  return found.value_or(std::nullopt);
}

/// A host makes requests, and remote calls of functions; other events come from the clock and from
/// queues, and other functions' actors are not there for it. Requests to functions may bring a body
/// bit by bit. Errors: denied, malformed.
Status check_request(const wire::Msg<schema::Invoke>& message, std::string_view name) {
  return wire::decode(message, [&](const schema::Invoke::Reader& invoke) -> Status {
    const bool is_for_actor = name.starts_with("actor/");
    const bool is_remote = invoke.getEvent() == static_cast<uint8_t>(js::Event::remote);
    if (invoke.getEvent() != 0 && !(is_remote && name.starts_with("fn/")))
      return fail(Code::denied, "functions make requests, no events");
    if (!is_for_actor && invoke.getActor().getClassName().size() > 0)
      return fail(Code::denied, "these are another function's actors");
    if (invoke.getFlow() != 0 && (is_remote || !name.starts_with("fn/")))
      return fail(Code::malformed, "the body of such a request travels whole");
    return {};
  });
}

}  // namespace

void WorkerProcess::admit(const Call& call) {
  if (names_.size() >= kNamesMax) names_.clear();
  names_.insert(call.function->name);
  if (auto name = name_of(call.invoke); name && !name->empty()) names_.insert(std::move(*name));
  if (call.function->actor)
    names_.insert(bundle::actor_home(call.function->name, *call.function->actor).name_space);
  if (!call.function->settings) return;
  if (granted_.size() >= kNamesMax) granted_.clear();
  if (fetching_.size() >= kNamesMax) fetching_.clear();
  const bundle::Settings& settings = *call.function->settings;
  fetching_.try_emplace(call.function->id, call.function->settings);
  for (const auto& [binding, function] : settings.functions) granted_.insert("fn/" + function);
  for (const auto& [binding, queue] : settings.queues) granted_.insert("queue/" + queue);
}

/// A question of the host, to be answered with an `Answered`.
template <class Answered, class Question>
caf::result<Answered> WorkerProcess::pass_on(const caf::actor& to, const Question& question,
                                             FlowId body) {
  if (asks_ >= kAsksPerProcessMax) end_flow(body, true);
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
          [this, promise, body](const caf::error& error) mutable {
            --asks_;
            end_flow(body, true);
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
  // A process that is about to end has handed its actors on.
  if (asked_to_end_) return to_caf({Code::unavailable, "this process ends"});
  const std::optional<NoteAlarm> alarm =
      bundle::is_actor_space(*name_space) ? alarm_of(*name_space, question) : std::nullopt;
  if (!alarm) return pass_on<wire::Msg<schema::StateAnswered>>(state_, AskHome{question});
  if (!functions_gate_) return to_caf({Code::unavailable, "this node calls no functions"});
  if (asks_ >= kAsksPerProcessMax)
    return to_caf({Code::overloaded, "too many questions of this process wait"});
  ++asks_;
  auto promise = make_response_promise<wire::Msg<schema::StateAnswered>>();
  const auto failed = [this, promise](const caf::error& error) mutable {
    --asks_;
    promise.deliver(error);
  };
  const auto noted = [this, promise, question, failed]() mutable {
    request(state_, caf::infinite, AskHome{question})
        .then(
            [this, promise](const wire::Msg<schema::StateAnswered>& answer) mutable {
              --asks_;
              promise.deliver(answer);
            },
            failed);
  };
  request(functions_gate_, caf::infinite, *alarm).then(noted, failed);
  return caf::delegated<wire::Msg<schema::StateAnswered>>{};
}

caf::result<wire::Msg<schema::Outcome>> WorkerProcess::call_service(
    const wire::Msg<schema::Invoke>& invoke) {
  const auto code = fetching_code(invoke);
  if (!code) return to_caf(code.error());
  if (*code) return fetch(**code, invoke);
  const Result<std::string> name = name_of(invoke);
  if (!name) return to_caf(name.error());
  if (const Status checked = check_request(invoke, *name); !checked) return to_caf(checked.error());
  if (name->starts_with("actor/")) {
    if (!functions_gate_ || !names_.contains(name->substr(std::string_view("actor/").size())))
      return to_caf({Code::denied, "these are another function's actors"});
    return pass_on<wire::Msg<schema::Outcome>>(functions_gate_, invoke);
  }
  const bool is_function = name->starts_with("fn/");
  if (!is_function && !name->starts_with("queue/")) {
    if (!services_) return to_caf({Code::denied, "functions of this node call no services"});
    return pass_on<wire::Msg<schema::Outcome>>(services_, invoke);
  }
  const caf::actor& to = is_function ? functions_gate_ : queues_;
  if (!to || !granted_.contains(*name))
    return to_caf({Code::denied, "no manifest of a function here names " + *name});
  if (!is_function) return pass_on<wire::Msg<schema::Outcome>>(to, invoke);
  const Result<FlowId> body = offer(invoke);
  if (!body) return to_caf(body.error());
  return pass_on<wire::Msg<schema::Outcome>>(
      to, CallByFunction{invoke, deployer_.value_or(""), *body}, *body);
}

caf::result<wire::Msg<schema::Outcome>> WorkerProcess::fetch(
    const CodeId& code, const wire::Msg<schema::Invoke>& invoke) {
  const auto granted = fetching_.find(code);
  if (!fetcher_ || granted == fetching_.end())
    return to_caf({Code::denied, "functions of this node fetch nothing"});
  const std::shared_ptr<const FetchHosts> own(granted->second, &granted->second->fetch);
  const Result<FlowId> body = offer(invoke);
  if (!body) return to_caf(body.error());
  return pass_on<wire::Msg<schema::Outcome>>(
      fetcher_, FetchOutward{invoke, {options_.fetch, own}, *body}, *body);
}

}  // namespace themis
