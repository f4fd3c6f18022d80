#include "actors/api/service_calls.hpp"

#include <caf/all.hpp>

#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"

namespace themis {

std::string service_name(const std::string& name) { return "service/" + name; }

void ServiceCalls::call(const std::string& name, wire::FramePtr params, Answer then) {
  auto call = std::make_shared<Call>(Call{name, std::move(params), std::move(then), {}});
  const auto known = found_.find(name);
  const TimePoint now = std::chrono::steady_clock::now();
  if (known != found_.end() && now - known->second.at < kFoundFor) {
    call->left = known->second.records;
    return try_next(std::move(call));
  }
  self_.request(node_, caf::infinite, FindName{service_name(name)})
      .then(
          [this, call](const ring::Records& records) {
            if (found_.size() >= kNamesMax) found_.clear();
            found_[call->name] = {records, std::chrono::steady_clock::now()};
            call->left = records;
            try_next(call);
          },
          [this, call](const caf::error& error) {
            found_.erase(call->name);
            call->then(fail(from_caf(error)));
          });
}

void ServiceCalls::try_next(std::shared_ptr<Call> call) {
  if (call->left.empty()) {
    found_.erase(call->name);
    return call->then(fail(Code::unavailable, "no instance of \"" + call->name + "\" can be reached"));
  }
  const size_t chosen = rng_.below(call->left.size());
  const ring::Contact contact = call->left[chosen].provider;
  call->left.erase(call->left.begin() + static_cast<std::ptrdiff_t>(chosen));
  self_.request(node_, caf::infinite, ReachActor{contact, Exports::target_of(service_name(call->name))})
      .then([this, call](const caf::actor& instance) { ask(call, instance); },
            [this, call](const caf::error&) {
              found_.erase(call->name);
              try_next(call);
            });
}

void ServiceCalls::ask(const std::shared_ptr<Call>& call, const caf::actor& instance) {
  self_.request(instance, caf::infinite, AnyMessage{call->params})
      .then([call](const AnyMessage& answer) { call->then(answer.frame); },
            [this, call](const caf::error& error) {
              found_.erase(call->name);
              call->then(fail(from_caf(error)));
            });
}

}  // namespace themis
