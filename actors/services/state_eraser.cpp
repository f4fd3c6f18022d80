#include "actors/services/state_eraser.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/monitor/state_router.hpp"
#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/bundle/actor_name.hpp"

namespace themis {

void StateEraser::erase(const std::string& function, Done done) {
  Job job{function, {function}, 0, std::move(done)};
  if (function.size() <= bundle::kActorFunctionBytesMax)
    for (const char digit : std::string_view("0123456789abcdef"))
      job.spaces.push_back(function + "." + digit);
  const uint64_t id = ++last_id_;
  jobs_.emplace(id, std::move(job));
  next(id);
}

/// A namespace that nobody keeps must not be begun by asking for it: the ring is asked first.
void StateEraser::next(uint64_t id) {
  Job& job = jobs_.at(id);
  if (job.spaces.empty()) return over(id, {});
  job.pages = 0;
  const std::string& name_space = job.spaces.back();
  const auto found = [this, id](const ring::Records& records) {
    // As the router chooses among several.
    const ring::Record& first = *std::ranges::min_element(
        records, {}, [](const ring::Record& record) { return record.provider.id; });
    bundle::is_actor_space(jobs_.at(id).spaces.back()) ? end_actors(id, first.provider) : list(id);
  };
  const auto not_found = [this, id](const caf::error& error) {
    const Error why = from_caf(error);
    if (why.code != Code::not_found) return failed(id, why);
    jobs_.at(id).spaces.pop_back();
    next(id);
  };
  context_.actor.request(context_.node, caf::infinite, FindName{ring_name_of_state(name_space)})
      .then(found, not_found);
}

void StateEraser::end_actors(uint64_t id, const ring::Contact& keeper) {
  const auto refused = [this, id](const caf::error& error) { failed(id, from_caf(error)); };
  const auto reached = [this, id, refused](const caf::actor& functions) {
    const UnhostMsg order =
        encode_unhost({jobs_.at(id).function, true}, context_.loop.now() + kEndMax);
    context_.actor.request(functions, caf::infinite, order)
        .then([this, id](const AckMsg&) { list(id); }, refused);
  };
  const wire::Target target = Exports::target_of(kFunctionsActorName);
  context_.actor.request(context_.node, caf::infinite, ReachActor{keeper, target})
      .then(reached, refused);
}

/// From the beginning each time, until nothing is left.
void StateEraser::list(uint64_t id) {
  Job& job = jobs_.at(id);
  if (++job.pages > kPagesMax)
    return failed(id, {Code::overloaded, "it is written to while it is erased"});
  const StateAsk ask{.call = {.op = StateOp::list, .name_space = job.spaces.back()}};
  ask_home(context_, ask, [this, id](const Result<StateAnswer>& answer) {
    if (!answer) return failed(id, answer.error());
    if (!answer->entries.empty()) return remove(id, answer->entries);
    jobs_.at(id).spaces.pop_back();
    next(id);
  });
}

/// The last ones of `entries`, then the others.
void StateEraser::remove(uint64_t id, std::vector<StateEntry> entries) {
  if (entries.empty()) return list(id);
  StateAsk ask{.call = {.op = StateOp::transaction, .name_space = jobs_.at(id).spaces.back()}};
  for (size_t i = 0; i < kTransactionKeysMax && !entries.empty(); ++i) {
    ask.call.changes.push_back({.key = std::move(entries.back().key), .writes = true});
    entries.pop_back();
  }
  ask_home(context_, ask, [this, id, left = std::move(entries)](const Result<StateAnswer>& answer) {
    answer ? remove(id, left) : failed(id, answer.error());
  });
}

void StateEraser::failed(uint64_t id, const Error& why) {
  over(id, fail(why.code, "what is kept in " + jobs_.at(id).spaces.back() +
                              " cannot be erased now: " + why.detail));
}

void StateEraser::over(uint64_t id, const Status& status) {
  const auto job = jobs_.extract(id);
  job.mapped().done(status);
}

}  // namespace themis
