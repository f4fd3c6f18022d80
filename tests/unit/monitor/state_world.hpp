#pragma once
// A state actor in a world of its own, asked as its users do.

#include "actors/monitor/state_actor.hpp"
#include "actors/placement/placement.hpp"
#include "tests/unit/store/temporary_directory.hpp"
#include "tests/unit/worker/reactor_thread.hpp"

namespace themis {

class StateActorTest : public testing::Test {
 protected:
  void TearDown() override {
    if (state_) {
      EXPECT_EQ(world_.stop(state_), "user_shutdown");
    }
    state_ = nullptr;
  }
  StateOptions options(Place where, Duration epoch = 20ms) {
    PlaceOptions place;
    place.place = where;
    place.program = THEMIS_ENCLAVE;
    place.kinds.merge(state_kinds());
    place.shared_bytes = BatchMemory::bytes_for(1);
    StateOptions made;
    made.start_place = [home = world_.home(), place] { return spawn_place(home, place); };
    made.data = directory_.path();
    made.epoch = epoch;
    made.history = &history_;
    return made;
  }
  void start(const StateOptions& options) {
    state_ = caf::actor_cast<caf::actor>(world_.caf().spawn<StateActor>(options));
  }
  Result<StateAnswer> call(StateOp op, const std::string& key, std::string_view value = {},
                           bool wait = false) {
    StateCall one;
    one.op = op;
    one.name_space = "n";
    one.key = key;
    one.value = to_bytes(value);
    CallState ask{{}, wait};
    THEMIS_CHECK(ask.calls.add(one));
    const auto all = world_.ask<StateAnswers>(state_, ask);
    return all ? all->front() : fail(all.error());
  }
  /// Asks until the state is up again, in another process than `pid`.
  Result<StateAnswer> get_when_up(const std::string& key, uint32_t pid = 0) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < end) {
      const bool is_other = pid == 0 || (report().pid != pid && report().pid != 0);
      const auto answer = call(StateOp::get, key);
      if (is_other && (answer || answer.error().code != Code::unavailable)) return answer;
    }
    return fail(Code::timeout, "the state does not come up again");
  }
  StateReport report() { return world_.ask<StateReport>(state_, ReportState{}).value(); }
  static std::string text(const Result<StateAnswer>& answer) {
    if (!answer) return answer.error().text();
    return answer->value ? std::string(as_text(*answer->value)) : "absent";
  }

  storage::TemporaryDirectory directory_;
  StateHistory history_;
  ReactorThread world_;
  caf::actor state_;
};

}  // namespace themis
