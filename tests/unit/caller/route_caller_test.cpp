// When the ring is asked for a call, and when a call waits for it. The ring is scripted, because
// what is tested is what happens while it does not answer.
#include "actors/caller/route_caller.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/message_types.hpp"
#include "actors/system/system.hpp"

namespace themis {
namespace {

constexpr char kName[] = "service/numbered";

/// Answers every call with what it was asked.
caf::behavior instance() {
  return {[](const AnyMessage& request) { return request; }};
}

/// A node with one instance of each name. After a put_atom its finds wait for an ok_atom; after a
/// delete_atom nobody provides anything. A get_atom counts the finds. After a subscribe_atom it
/// takes watches; a publish_atom puts an instance of that weight there, of which who watches is
/// told.
class ScriptedNode final : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;
  caf::behavior make_behavior() override {
    instance_ = spawn(instance);
    return {[this](const FindName&) -> caf::result<ring::Records> {
              ++finds_;
              if (!is_held_) return outcome();
              waiting_.push_back(make_response_promise<ring::Records>());
              return waiting_.back();
            },
            [this](const ReachActor&) { return instance_; },
            [this](caf::put_atom) { is_held_ = true; },
            [this](caf::subscribe_atom) { takes_watches_ = true; },
            [this](const WatchName& watch) -> caf::result<caf::message> {
              if (!takes_watches_) return to_caf({Code::overloaded, "no more watches"});
              watcher_ = caf::actor_cast<caf::actor>(current_sender());
              send(watcher_, NameChanged{watch.name, is_empty_ ? ring::Records{} : record()});
              return caf::make_message(caf::unit);  // as a node does
            },
            [this](caf::publish_atom, uint16_t weight) {
              is_empty_ = false;
              weight_ = weight;
              send(watcher_, NameChanged{kName, record()});
            },
            [this](caf::delete_atom) { is_empty_ = true; },
            [this](caf::get_atom) { return finds_; },
            [this](caf::ok_atom) {
              is_held_ = false;
              for (auto& promise : std::exchange(waiting_, {})) promise.deliver(record());
            }};
  }
  void on_exit() override {
    waiting_.clear();
    instance_ = watcher_ = nullptr;
  }

 private:
  ring::Records record() const {
    ring::Record record;
    record.name = kName;
    record.weight = weight_;
    return {record};
  }
  caf::result<ring::Records> outcome() const {
    if (is_empty_) return to_caf({Code::not_found, "nobody provides it"});
    return record();
  }

  caf::actor instance_, watcher_;
  std::vector<caf::typed_response_promise<ring::Records>> waiting_;
  uint16_t weight_ = 1;
  bool takes_watches_ = false;
  uint64_t finds_ = 0;
  bool is_held_ = false;
  bool is_empty_ = false;
};

/// Calls kName on an ok_atom. Its clock is the test's.
class Caller final : public caf::event_based_actor, private CallKind {
 public:
  Caller(caf::actor_config& config, caf::actor node, const std::atomic<TimePoint>* now)
      : caf::event_based_actor(config),
        now_(now),
        caller_(*this, *this, rng_, std::move(node), {}) {}
  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& down) { caller_.on_down(down); });
    return {[this](caf::ok_atom) -> caf::result<uint64_t> {
              auto promise = make_response_promise<uint64_t>();
              const auto then = [promise](const Result<RouteCaller::Answer>& answer) mutable {
                if (answer) {
                  promise.deliver(uint64_t{1});
                } else {
                  promise.deliver(to_caf(answer.error()));
                }
              };
              const auto begun = caller_.call({kName, wire::Frame::make(1)}, then);
              if (!begun) promise.deliver(to_caf(begun.error()));
              return promise;
            },
            [this](caf::delete_atom) { caller_.forget(kName); },
            [this](caf::get_atom) { return uint64_t{caller_.open_calls()}; },
            [this](caf::get_atom, caf::ok_atom) {
              const auto routes = caller_.table().report(1, *now_);
              return uint64_t{routes.empty() ? 0u : routes[0].instances[0].instance.weight};
            },
            [this](caf::get_atom, caf::open_atom) {
              return uint64_t{caller_.table().report(1, *now_).at(0).counters.losses};
            },
            [this](const NameChanged& changed) { caller_.on_changed(changed); },
            [this](const CallerTimer& timer) { caller_.on_timer(timer); }};
  }
  void on_exit() override { caller_.stop(); }

 private:
  TimePoint now() const override { return *now_; }
  wire::Target target_of(const std::string&, bool) const override { return {}; }
  void ask(const caf::actor& whom, const wire::FramePtr& frame, Answered answered,
           Failed failed) override {
    request(whom, caf::infinite, AnyMessage{frame})
        .then([answered](const AnyMessage& answer) { answered(answer.frame); }, failed);
  }
  mesh::Judgement judge(const caf::error&) const override { return {}; }
  void restore(const std::string&, std::function<void(Status)> then) override {
    then(fail(Code::not_found, "nobody starts it"));
  }
  Error nobody(const std::string& name) const override { return {Code::not_found, name}; }
  void after(Duration, uint64_t) override {}

  const std::atomic<TimePoint>* now_;
  SeededRng rng_{1};
  RouteCaller caller_;
};

class RouteCallerTest : public testing::Test {
 protected:
  ~RouteCallerTest() override {
    for (const caf::actor& actor : {caller_, node_})
      self_->send_exit(actor, caf::exit_reason::user_shutdown);
  }
  void advance(Duration time) { now_ = now_.load() + time; }
  /// Its outcome is waited for with answer().
  auto call() { return self_->request(caller_, caf::infinite, caf::ok_atom::value); }
  template <class Handle>
  Code answer(Handle handle) {
    Code code{};
    handle.receive([](uint64_t) {},
                   [&code](const caf::error& error) { code = from_caf(error).code; });
    return code;
  }
  uint64_t count(const caf::actor& whom) {
    uint64_t value = 0;
    self_->request(whom, caf::infinite, caf::get_atom::value)
        .receive([&value](uint64_t counted) { value = counted; }, [](const caf::error&) {});
    return value;
  }
  /// Of the one instance that the caller knows, after all that was sent before has been taken.
  uint64_t weight() {
    count(node_);
    uint64_t value = 0;
    self_->request(caller_, caf::infinite, caf::get_atom::value, caf::ok_atom::value)
        .receive([&value](uint64_t told) { value = told; }, [](const caf::error&) {});
    return value;
  }
  /// After all that was sent before has been taken.
  uint64_t finds() {
    count(caller_);
    return count(node_);
  }

  static constexpr Code kAnswered{};
  std::atomic<TimePoint> now_{TimePoint{} + 1h};
  System system_;
  caf::scoped_actor self_{system_.caf()};
  caf::actor node_ = system_.caf().spawn<ScriptedNode>();
  caf::actor caller_ = system_.caf().spawn<Caller>(node_, &now_);
};

TEST_F(RouteCallerTest, RegressAnOldRouteServesWhileOneFindIsUnderWay) {
  ASSERT_EQ(answer(call()), kAnswered);
  EXPECT_EQ(finds(), 1u);
  self_->send(node_, caf::put_atom::value);
  advance(3s);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(answer(call()), kAnswered) << "the ring is silent";
  EXPECT_EQ(finds(), 2u) << "one find for all of them";
  self_->send(node_, caf::ok_atom::value);
  count(node_);
  EXPECT_EQ(answer(call()), kAnswered);
  EXPECT_EQ(finds(), 2u) << "it is fresh again";
}

TEST_F(RouteCallerTest, WaitsForTheRingWhenItsRouteIsTooOld) {
  ASSERT_EQ(answer(call()), kAnswered);
  self_->send(node_, caf::put_atom::value);
  advance(30s);
  auto waits = call();
  EXPECT_EQ(finds(), 2u);
  EXPECT_EQ(count(caller_), 1u) << "it is open";
  self_->send(node_, caf::ok_atom::value);
  EXPECT_EQ(answer(std::move(waits)), kAnswered);
}

TEST_F(RouteCallerTest, RegressOneFindServesAllCallsThatWaitForIt) {
  self_->send(node_, caf::put_atom::value);
  auto first = call(), second = call(), third = call();
  EXPECT_EQ(finds(), 1u);
  self_->send(node_, caf::ok_atom::value);
  EXPECT_EQ(answer(std::move(first)), kAnswered);
  EXPECT_EQ(answer(std::move(second)), kAnswered);
  EXPECT_EQ(answer(std::move(third)), kAnswered);
}

TEST_F(RouteCallerTest, RegressANameNobodyProvidesIsLookedForOnceASecond) {
  self_->send(node_, caf::delete_atom::value);
  EXPECT_EQ(answer(call()), Code::not_found);
  const uint64_t before = finds();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(answer(call()), Code::not_found);
  EXPECT_EQ(finds(), before);
  advance(1s);
  EXPECT_EQ(answer(call()), Code::not_found);
  EXPECT_GT(finds(), before);
  const uint64_t after = finds();
  self_->send(caller_, caf::delete_atom::value);
  EXPECT_EQ(answer(call()), Code::not_found);
  EXPECT_GT(finds(), after) << "something was deployed";
}

TEST_F(RouteCallerTest, RegressANameThatSomebodyElseDeploysIsNotMissingForASecondMore) {
  self_->send(node_, caf::subscribe_atom::value);
  self_->send(node_, caf::delete_atom::value);
  ASSERT_EQ(answer(call()), Code::not_found);
  const uint64_t before = finds();
  self_->send(node_, caf::publish_atom::value, uint16_t{7});
  ASSERT_EQ(weight(), 7u) << "told without being asked";
  EXPECT_EQ(answer(call()), kAnswered);
  EXPECT_EQ(finds(), before);
}

TEST_F(RouteCallerTest, AnInstanceThatTheRingLostIsLeftAloneUnlessItsSessionIsThere) {
  const auto losses = [&] {
    uint64_t value = 0;
    self_->request(caller_, caf::infinite, caf::get_atom::value, caf::open_atom::value)
        .receive([&value](uint64_t told) { value = told; }, [](const caf::error&) {});
    return value;
  };
  self_->send(node_, caf::subscribe_atom::value);
  self_->send(node_, caf::delete_atom::value);
  ASSERT_EQ(answer(call()), Code::not_found);
  ring::Record record;
  record.name = kName;
  const NameChanged lost{kName, {record}, {record.provider.id}};
  self_->send(caller_, lost);
  EXPECT_EQ(losses(), 1u);
  self_->send(caller_, caf::delete_atom::value);
  self_->send(node_, caf::publish_atom::value, uint16_t{7});
  ASSERT_EQ(answer(call()), kAnswered);
  ASSERT_EQ(losses(), 0u) << "of a new route";
  self_->send(caller_, lost);
  EXPECT_EQ(losses(), 0u) << "it answers";
}

TEST_F(RouteCallerTest, AWatchedNameIsToldOfChangesAndAskedForSeldom) {
  self_->send(node_, caf::subscribe_atom::value);
  ASSERT_EQ(answer(call()), kAnswered);
  ASSERT_EQ(weight(), 1u);
  advance(19s);
  ASSERT_EQ(answer(call()), kAnswered);
  EXPECT_EQ(finds(), 1u);
  self_->send(node_, caf::publish_atom::value, uint16_t{7});
  EXPECT_EQ(weight(), 7u);
  advance(20s);
  ASSERT_EQ(answer(call()), kAnswered);
  EXPECT_EQ(finds(), 2u) << "in case a message was lost";
}

}  // namespace
}  // namespace themis
