#include "actors/services/actor_alarms.hpp"

#include <fmt/format.h>

#include <caf/all.hpp>

#include "actors/monitor/state_api.hpp"
#include "actors/services/home_asker.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"
#include "runtime/js/engine.hpp"

namespace themis {
namespace {

/// What lies with the handler is tried so often; what lies with the way to it, always.
bool is_handlers_own(Code code) {
  return code == Code::threw || code == Code::cpu_exceeded || code == Code::memory_exceeded ||
         code == Code::timeout || code == Code::too_large || code == Code::internal;
}

/// Without "." and the digit behind it.
std::string function_of(const std::string& name_space) {
  return name_space.substr(0, name_space.size() - 2);
}

Result<bundle::Alarm> read(const AlarmTable::Key& key, std::string_view text) {
  THEMIS_TRY(bundle::Alarm alarm, bundle::parse_alarm(text));
  const bundle::ActorHome home = bundle::actor_home(function_of(key.name_space), alarm.actor);
  if (home.name_space != key.name_space || bundle::alarm_key(home) != key.key)
    return fail(Code::malformed, "an alarm in another actor's place");
  return alarm;
}

}  // namespace

void ActorAlarms::start(caf::actor gate) {
  gate_ = std::move(gate);
  if (!context_.router) return;
  context_.actor.request(context_.router, caf::infinite, NameStates{})
      .then(
          [this](const StateNames& states) {
            for (const std::string& name : states.names)
              if (bundle::is_actor_space(name)) learn(name, "");
          },
          [](const caf::error& error) {
            log::warn("functions", "alarms of actors are not known: {}", describe(error));
          });
}

/// Page by page. Asked again later when the state does not answer.
void ActorAlarms::learn(const std::string& name_space, const std::string& after) {
  const StateAsk question{.call = {.op = StateOp::list,
                                   .name_space = name_space,
                                   .key = std::string(bundle::kAlarmPrefix),
                                   .after = after}};
  ask_home(context_, question, [this, name_space, after](const Result<StateAnswer>& answer) {
    if (!answer) {
      log::warn("functions", "alarms in {} are not known yet: {}", name_space,
                answer.error().text());
      return void(unlearned_.emplace_back(name_space, after));
    }
    for (const StateEntry& entry : answer->entries) {
      const Key key{name_space, entry.key};
      if (const auto alarm = read(key, as_text(entry.value)); alarm)
        if (const Status noted = table_.note(key, alarm->at_ms); !noted)
          log::error("functions", "{}: {}", name_space, noted.error().text());
    }
    if (answer->more && !answer->entries.empty()) learn(name_space, answer->entries.back().key);
  });
}

void ActorAlarms::tick(int64_t now_ms) {
  if (now_ms >= learn_ms_) {
    learn_ms_ = now_ms + to_ms(kUnreached);
    for (const auto& [name_space, after] : std::exchange(unlearned_, {})) learn(name_space, after);
  }
  for (const Key& key : table_.take(now_ms)) look(key, now_ms);
}

void ActorAlarms::look(const Key& key, int64_t now_ms) {
  const StateAsk question{
      .call = {.op = StateOp::get, .name_space = key.name_space, .key = key.key}};
  ask_home(context_, question, [this, key, now_ms](const Result<StateAnswer>& answer) {
    if (!answer) return table_.settle(key, now_ms + to_ms(kUnreached));
    if (!answer->value) {
      tries_.erase(key);
      return table_.settle(key, std::nullopt);
    }
    const std::string text(as_text(*answer->value));
    const Result<bundle::Alarm> alarm = read(key, text);
    if (!alarm) {
      log::error("functions", "{}: {}", key.name_space, alarm.error().text());
      return table_.settle(key, std::nullopt);
    }
    if (alarm->at_ms > now_ms) return table_.settle(key, alarm->at_ms);
    ring(key, *alarm, text, now_ms);
  });
}

void ActorAlarms::ring(const Key& key, const bundle::Alarm& alarm, const std::string& text,
                       int64_t now_ms) {
  ++rung_;
  wire::Builder<schema::Invoke> invoke;
  invoke->setFunction(wire::to_text("fn/" + function_of(key.name_space)));
  invoke->setMethod("POST");
  invoke->setUrl("http://alarm/");
  invoke->setEvent(static_cast<uint8_t>(js::Event::alarm));
  invoke->initActor().setClassName(wire::to_text(alarm.actor.class_name));
  invoke->getActor().setId(wire::to_text(alarm.actor.id));
  const std::string body = std::to_string(alarm.at_ms);
  invoke->setBody(wire::to_data(as_bytes(body)));
  context_.actor.request(gate_, caf::infinite, invoke.finish())
      .then([this, key, text, now_ms](const OutcomeMsg&) { rang(key, text, now_ms, {}); },
            [this, key, text, now_ms](const caf::error& error) {
              rang(key, text, now_ms, fail(from_caf(error)));
            });
}

/// What is set now says what is to be done: the handler has taken its alarm away, or set another.
void ActorAlarms::rang(const Key& key, const std::string& text, int64_t now_ms,
                       const Status& status) {
  if (status) {
    tries_.erase(key);
    return table_.settle(key, now_ms);  // looked at again, and gone for good then
  }
  ++failed_;
  const Error& why = status.error();
  log::warn("functions", "the alarm of an actor of {} failed: {}", function_of(key.name_space),
            why.text());
  if (!is_handlers_own(why.code)) return table_.settle(key, now_ms + to_ms(kUnreached));
  const uint32_t tries = ++tries_[key];
  if (tries > kTriesMax) return give_up(key, text);
  table_.settle(key, now_ms + (to_ms(kRetry) << (tries - 1)));
}

/// Unless it was set anew.
void ActorAlarms::give_up(const Key& key, const std::string& text) {
  log::error("functions", "an alarm of an actor of {} failed {} times and is taken away",
             function_of(key.name_space), kTriesMax + 1);
  tries_.erase(key);
  StateChange change{.key = key.key, .checks = true, .expected = to_bytes(text), .writes = true};
  const StateAsk question{.call = {.op = StateOp::transaction,
                                   .name_space = key.name_space,
                                   .changes = {std::move(change)}}};
  ask_home(context_, question, [this, key](const Result<StateAnswer>&) {
    table_.settle(key, 0);  // looked at again
  });
}

}  // namespace themis
