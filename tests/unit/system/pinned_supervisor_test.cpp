#include <gtest/gtest.h>

#include <atomic>
#include <caf/all.hpp>
#include <future>
#include <thread>

#include "actors/system/caf_error.hpp"
#include "actors/system/hosted_actor.hpp"
#include "actors/system/supervisor.hpp"
#include "actors/system/system.hpp"
#include "runtime/base/log.hpp"
#include "runtime/net/epoll_loop.hpp"

namespace themis {
namespace {

/// Answers every request with its generation.
class HostedChild final : public HostedActor {
 public:
  HostedChild(caf::actor_config& config, Reactor& reactor, int generation)
      : HostedActor(config, reactor), generation_(generation) {}
  const char* name() const override { return "hosted-child"; }

 private:
  void on_message(caf::mailbox_element& element) override {
    reply(element, caf::make_message(generation_));
  }
  int generation_;
};

/// A supervisor and its hosted children on the thread of a real event loop.
class PinnedSupervisorTest : public testing::Test {
 protected:
  void SetUp() override {
    log::setup(log::Level::off, log::Format::text);
    thread_ = std::thread([this] {
      reactor_.bind_to_this_thread();
      bound_.set_value();
      loop_.run();
    });
    bound_.get_future().wait();
  }
  void TearDown() override {
    supervisor_ = nullptr;
    loop_.stop();
    thread_.join();
  }

  SupervisorSpec spec() {
    SupervisorSpec spec;
    spec.options.name = "pinned";
    spec.children.push_back({"child", [this](caf::event_based_actor*) -> Result<caf::actor> {
                               if (!reactor_.on_thread()) ++off_thread_;
                               return spawn_hosted<HostedChild>(reactor_, ++generation_).handle();
                             }});
    spec.observer = [this](const ChildEvent& event) {
      if (event.kind != ChildEvent::Kind::started) return;
      if (!reactor_.on_thread()) ++off_thread_;
      started_[event.restarts].set_value();
    };
    return spec;
  }
  caf::actor child() {
    caf::scoped_actor self{system_.caf()};
    caf::actor found;
    self->request(supervisor_, caf::infinite, WhichChild{"child"})
        .receive([&](const caf::actor& actor) { found = actor; },
                 [&](const caf::error& error) { ADD_FAILURE() << describe(error); });
    return found;
  }
  int ping(const caf::actor& whom) {
    caf::scoped_actor self{system_.caf()};
    int answer = 0;
    self->request(whom, caf::infinite, 1)
        .receive([&](int generation) { answer = generation; },
                 [&](const caf::error&) { answer = -1; });
    return answer;
  }
  /// Asks `whom` to end and waits for its exit reason.
  std::string end(const caf::actor& whom, caf::exit_reason reason) {
    caf::scoped_actor self{system_.caf()};
    std::string text;
    self->monitor(whom);
    self->send_exit(whom, reason);
    self->receive([&](const caf::down_msg& down) { text = describe(down.reason); });
    return text;
  }

  std::atomic<int> generation_{0};
  std::atomic<int> off_thread_{0};
  std::array<std::promise<void>, 3> started_;
  std::promise<void> bound_;
  System system_;
  net::EpollLoop loop_;
  Reactor reactor_{system_.caf(), loop_};
  std::thread thread_;
  caf::actor supervisor_;
};

TEST_F(PinnedSupervisorTest, RestartsHostedChildrenOnItsReactorsThread) {
  supervisor_ = spawn_pinned<SupervisorActor<PinnedActor>>(reactor_, spec());
  started_[0].get_future().wait();
  for (int i = 1; i <= 2; ++i) {  // the first restart is immediate, the second waits on CAF's clock
    const caf::actor before = child();
    EXPECT_EQ(ping(before), i);
    EXPECT_EQ(end(before, caf::exit_reason::kill), "kill");
    started_[static_cast<size_t>(i)].get_future().wait();
    EXPECT_EQ(ping(before), -1) << "requests to the old one bounce";
  }
  const caf::actor last = child();
  EXPECT_EQ(ping(last), 3);
  EXPECT_EQ(end(supervisor_, caf::exit_reason::user_shutdown), "user_shutdown");
  EXPECT_EQ(ping(last), -1);
  EXPECT_EQ(off_thread_, 0);
}

TEST_F(PinnedSupervisorTest, HostedChildrenDieWithItWhenItIsKilled) {
  supervisor_ = spawn_pinned<SupervisorActor<PinnedActor>>(reactor_, spec());
  started_[0].get_future().wait();
  const caf::actor hosted = child();
  std::promise<std::string> ended;
  hosted->attach_functor([&](const caf::error& why) { ended.set_value(describe(why)); });
  EXPECT_EQ(end(supervisor_, caf::exit_reason::kill), "kill");
  EXPECT_EQ(ended.get_future().get(), "kill");
}

}  // namespace
}  // namespace themis
