#include "actors/api/service_calls.hpp"

#include <caf/all.hpp>

#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"

namespace themis {

std::string service_name(const std::string& name) { return "service/" + name; }

void ServiceCalls::call(const std::string& name, wire::FramePtr params, Answer then) {
  const uint64_t id = ++last_call_;
  Call& call = calls_[id] = {name, std::move(params), std::move(then), {}};
  const auto known = found_.find(name);
  const TimePoint now = std::chrono::steady_clock::now();
  if (known != found_.end() && now - known->second.at < kFoundFor) {
    call.left = known->second.records;
    return try_next(id);
  }
  self_.request(node_, caf::infinite, FindName{service_name(name)})
      .then(
          [this, id, name](const ring::Records& records) {
            if (found_.size() >= kNamesMax) found_.clear();
            found_[name] = {records, std::chrono::steady_clock::now()};
            calls_.at(id).left = records;
            try_next(id);
          },
          [this, id](const caf::error& error) { finish(id, fail(from_caf(error))); });
}

void ServiceCalls::try_next(uint64_t id) {
  Call& call = calls_.at(id);
  if (call.left.empty())
    return finish(id,
                  fail(Code::unavailable, "no instance of \"" + call.name + "\" can be reached"));
  const size_t chosen = rng_.below(call.left.size());
  const ring::Contact contact = call.left[chosen].provider;
  call.left.erase(call.left.begin() + static_cast<std::ptrdiff_t>(chosen));
  const wire::Target target = Exports::target_of(service_name(call.name));
  self_.request(node_, caf::infinite, ReachActor{contact, target})
      .then([this, id](const caf::actor& instance) { ask(id, instance); },
            [this, id](const caf::error&) {
              found_.erase(calls_.at(id).name);
              try_next(id);
            });
}

void ServiceCalls::ask(uint64_t id, const caf::actor& instance) {
  self_.request(instance, caf::infinite, AnyMessage{calls_.at(id).params})
      .then([this, id](const AnyMessage& answer) { finish(id, answer.frame); },
            [this, id](const caf::error& error) { finish(id, fail(from_caf(error))); });
}

void ServiceCalls::finish(uint64_t id, Result<wire::FramePtr> outcome) {
  auto node = calls_.extract(id);
  // An instance that failed may be gone: the next call asks the ring.
  if (!outcome) found_.erase(node.mapped().name);
  node.mapped().then(std::move(outcome));
}

}  // namespace themis
