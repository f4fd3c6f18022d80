// What a state actor refuses: stores that were altered, and monitors behind a host that tampers.

#include "tests/unit/monitor/before_monitors.hpp"
#include "tests/unit/monitor/state_world.hpp"

namespace themis {
namespace {

/// What a hostile host does to the batches that pass.
enum class Tampering { none, breaks_a_command, changes_a_value, forgets_the_epoch };

class Tamperer final : public tests::BeforeMonitors {
 public:
  Tamperer(caf::actor_config& config, const std::atomic<Tampering>& how)
      : BeforeMonitors(config), how_(how) {}

 private:
  caf::behavior make_behavior() override {
    return but([this](const MonitorBatchMsg& message) {
      const auto view = message.view();
      const ByteView batch = wire::bytes_of(view->getBatch());
      Bytes changed(batch.begin(), batch.end());
      change(changed);
      return delegate(monitors_, encode_batch(view->getThread(), changed));
    });
  }
  void change(Bytes& batch) {
    const Tampering how = how_;
    const bool ends_epoch = batch.back() == static_cast<std::byte>(monitor::Command::verify_epoch);
    if (how == Tampering::breaks_a_command) batch[monitor::kBatchHeaderBytes] ^= std::byte{0x40};
    if (how == Tampering::changes_a_value && !ends_epoch) batch.back() ^= std::byte{1};
    if (how == Tampering::forgets_the_epoch && ends_epoch)
      batch.back() = static_cast<std::byte>(monitor::Command::next_epoch);
  }
  const std::atomic<Tampering>& how_;
};

class AdversaryStore : public StateActorTest {
 protected:
  AdversaryStore() {
    log::setup(log::Level::off, log::Format::text);
    start(options(Place::local));
    EXPECT_TRUE(call(StateOp::put, "k", "old"));
    stop();
    std::filesystem::copy(path("state"), path("before"), std::filesystem::copy_options::recursive);
    start(options(Place::local));
    EXPECT_TRUE(call(StateOp::put, "k", "new"));
    stop();
  }
  void stop() {
    EXPECT_EQ(world_.stop(state_), "user_shutdown");
    state_ = nullptr;
  }
  std::filesystem::path path(const std::string& name) const { return directory_.path() / name; }
  /// What the state says of its store.
  void expect_down(Code code, const std::string& why) {
    start(options(Place::local));
    Result<StateAnswer> answer = call(StateOp::get, "k");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, code) << answer.error().text();
    EXPECT_NE(answer.error().detail.find(why), std::string::npos) << answer.error().text();
    EXPECT_EQ(report().state, "down");
    EXPECT_EQ(report().why, answer.error().detail);
  }
};

TEST_F(AdversaryStore, AStoreThatWasPutBackIsRefused) {
  std::filesystem::remove_all(path("state"));
  std::filesystem::rename(path("before"), path("state"));
  expect_down(Code::replayed, "the store was rolled back");
}

TEST_F(AdversaryStore, AnEmptyStoreInItsPlaceIsRefused) {
  std::filesystem::remove_all(path("state"));
  expect_down(Code::replayed, "the store is empty, but its counter stands at");
}

TEST_F(AdversaryStore, AStoreOfAnotherKeyIsRefused) {
  std::filesystem::remove(path("state.key"));
  expect_down(Code::forged, "is not a sealed counter of this key");
  stop();
  std::filesystem::remove(path("state.counter"));
  expect_down(Code::forged, "sealed");
}

TEST_F(AdversaryStore, AStoreOfAnotherShapeIsRefused) {
  StateOptions two = options(Place::local);
  two.shape.threads = 2;
  start(two);
  EXPECT_EQ(call(StateOp::get, "k").error().code, Code::invalid);
  stop();
  start(options(Place::local));
  EXPECT_EQ(text(call(StateOp::get, "k")), "new") << "the refusal changed nothing";
}

/// Monitors behind a host that tampers.
class AdversaryState : public StateActorTest {
 protected:
  AdversaryState() {
    log::setup(log::Level::off, log::Format::text);
    PlaceOptions place;
    place.place = Place::local;
    place.kinds.emplace("monitors",
                        [this](Reactor& reactor, const std::string&) -> Result<caf::actor> {
                          return spawn_pinned<Tamperer>(reactor, std::cref(how_));
                        });
    options_ = options(Place::local);
    options_.start_place = [home = world_.home(), place] { return spawn_place(home, place); };
    start(options_);
    EXPECT_TRUE(call(StateOp::put, "k", "v", true));
  }
  std::atomic<Tampering> how_ = Tampering::none;
  StateOptions options_;
};

TEST_F(AdversaryState, ABrokenCommandEndsTheStateForGood) {
  const auto certified = report().certified;
  how_ = Tampering::breaks_a_command;
  EXPECT_EQ(call(StateOp::put, "k", "w").error().code, Code::forged);
  how_ = Tampering::none;
  EXPECT_EQ(call(StateOp::get, "k").error().code, Code::forged);
  EXPECT_EQ(report().state, "violated");
  EXPECT_NE(report().why.find("monitor thread 0 refused batch"), std::string::npos) << report().why;
  EXPECT_EQ(report().certified, certified);
  // Neither a new actor nor new monitors make it fine again.
  EXPECT_EQ(world_.stop(state_), "user_shutdown");
  start(options(Place::local));
  EXPECT_EQ(call(StateOp::get, "k").error().code, Code::forged);
  EXPECT_EQ(report().state, "violated");
  // A new process finds what was answered before.
  EXPECT_EQ(world_.stop(state_), "user_shutdown");
  history_.violation.reset();
  start(options(Place::local));
  EXPECT_EQ(text(call(StateOp::get, "k")), "v");
}

TEST_F(AdversaryState, AChangedValueIsCaughtInItsEpoch) {
  how_ = Tampering::changes_a_value;
  EXPECT_EQ(call(StateOp::put, "k", "w", true).error().code, Code::forged);
  EXPECT_EQ(report().state, "violated");
  EXPECT_NE(report().why.find("multiset_mismatch"), std::string::npos) << report().why;
}

TEST_F(AdversaryState, AnEpochThatIsNotVerifiedIsNotWaitedFor) {
  EXPECT_EQ(world_.stop(state_), "user_shutdown");
  options_.answer_max = 200ms;
  start(options_);
  how_ = Tampering::forgets_the_epoch;
  EXPECT_EQ(call(StateOp::put, "k", "w", true).error().code, Code::unavailable);
  how_ = Tampering::none;
  // What was sealed then is not what the journal has.
  EXPECT_EQ(get_when_up("k").error().code, Code::forged);
  EXPECT_EQ(report().state, "down");
}

}  // namespace
}  // namespace themis
