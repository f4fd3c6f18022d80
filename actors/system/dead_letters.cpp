#include "actors/system/dead_letters.hpp"

#include <cxxabi.h>

#include <caf/actor_clock.hpp>
#include <caf/message.hpp>
#include <caf/message_view.hpp>
#include <caf/result.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/type_nr.hpp>
#include <cstdlib>
#include <memory>

#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

/// Elements and characters of a type name that are shown.
constexpr size_t kElementsShown = 8;
constexpr size_t kNameBytesMax = 160;

std::string demangle(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
  return status == 0 ? text.get() : mangled;
}

}  // namespace

std::string_view name(DeadLetterKind kind) {
  switch (kind) {
    case DeadLetterKind::unexpected:
      return "unexpected";
    case DeadLetterKind::bounced:
      return "bounced";
    case DeadLetterKind::to_dead:
      return "to a dead actor";
  }
  return {};
}

void DeadLetters::record(DeadLetterKind kind, std::string_view type, TimePoint now) {
  uint64_t unlogged = 0;
  {
    const std::lock_guard lock(mutex_);
    switch (kind) {
      case DeadLetterKind::unexpected:
        ++counts_.unexpected;
        break;
      case DeadLetterKind::bounced:
        ++counts_.bounced;
        break;
      case DeadLetterKind::to_dead:
        ++counts_.to_dead;
        break;
    }
    auto known = counts_.by_type.find(std::string(type));
    if (known == counts_.by_type.end()) {
      const bool room = counts_.by_type.size() < kTypesMax;
      known = counts_.by_type.emplace(room ? std::string(type) : "other", 0).first;
    }
    ++known->second;
    if (lines_ > 0 && now - last_line_ < kLogInterval) {
      ++unlogged_;
      return;
    }
    ++lines_;
    last_line_ = now;
    unlogged = std::exchange(unlogged_, 0);
  }
  log::warn("actors", "dead letter ({}): {}; {} more since the last such line", name(kind), type,
            unlogged);
}

DeadLetterCounts DeadLetters::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

uint64_t DeadLetters::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

DeadLetters& dead_letters() {
  static DeadLetters instance;
  return instance;
}

std::string type_name(const caf::type_erased_tuple& message) {
  std::string text;
  for (size_t i = 0; i < message.size() && i < kElementsShown; ++i) {
    if (i > 0) text += ", ";
    const caf::rtti_pair type = message.type(i);
    text += type.second != nullptr ? demangle(type.second->name())
                                   : std::string(caf::numbered_type_names[type.first - 1]);
  }
  if (message.size() > kElementsShown) text += ", ...";
  if (text.size() > kNameBytesMax) text.resize(kNameBytesMax);
  return text;
}

caf::result<caf::message> dead_letter(caf::scheduled_actor* self, caf::message_view& message) {
  if (message.content().match_elements<CancelRequest>()) return caf::message{};
  dead_letters().record(DeadLetterKind::unexpected, type_name(message.content()),
                        self->clock().now());
  return caf::sec::unexpected_message;
}

void dead_error(caf::scheduled_actor* self, caf::error& error) {
  const bool bounced = error == caf::sec::request_receiver_down;
  dead_letters().record(bounced ? DeadLetterKind::bounced : DeadLetterKind::unexpected,
                        bounced ? "request" : "@error", self->clock().now());
}

void set_default_handlers(caf::scheduled_actor& self) {
  self.set_default_handler(dead_letter);
  self.set_error_handler(dead_error);
  self.set_exception_handler(exception_to_error);
}

}  // namespace themis
