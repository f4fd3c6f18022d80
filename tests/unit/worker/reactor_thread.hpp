#pragma once
// An actor system with a reactor on a thread of its own, and blocking questions from the test's
// thread.

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <future>
#include <thread>

#include "actors/placement/placement.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/system.hpp"
#include "runtime/base/log.hpp"
#include "runtime/crypto/crypto.hpp"

namespace themis {

/// So long may anything here take on a busy machine; nothing waits that long when it works.
inline constexpr auto kDeadline = 30s;

class ReactorThread {
 public:
  ReactorThread() : reactor_(system_.caf(), loop_) {
    crypto::init();
    log::setup(log::Level::error, log::Format::text);
    thread_ = std::thread([this] {
      reactor_.bind_to_this_thread();
      bound_.set_value();
      loop_.run();
    });
    bound_.get_future().wait();
  }
  ~ReactorThread() {
    loop_.stop();
    thread_.join();
  }

  ProcessHome home() { return {&reactor_, &loop_, &system_.types(), &rng_}; }
  caf::actor_system& caf() { return system_.caf(); }
  Reactor& reactor() { return reactor_; }

  /// Asks and waits. Answer: what is expected, caf::unit_t for none.
  template <class Answer, class... Args>
  Result<Answer> ask(const caf::actor& to, Args&&... args) {
    caf::scoped_actor self{system_.caf()};
    Result<Answer> out = fail(Code::internal, "not asked");
    auto handle = self->request(to, kDeadline, std::forward<Args>(args)...);
    const auto failed = [&](caf::error& error) { out = fail(from_caf(error)); };
    if constexpr (std::is_same_v<Answer, caf::unit_t>) {
      handle.receive([&] { out = caf::unit; }, failed);
    } else {
      handle.receive([&](Answer& answer) { out = std::move(answer); }, failed);
    }
    return out;
  }

  /// The reason `actor` ends of, or "still alive".
  std::string end_of(const caf::actor& actor) {
    caf::scoped_actor self{system_.caf()};
    self->monitor(actor);
    std::string reason = "still alive";
    self->receive([&](caf::down_msg& down) { reason = describe(down.reason); },
                  caf::after(kDeadline) >> [] {});
    return reason;
  }
  /// Asks it to end and waits until it has.
  std::string stop(const caf::actor& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    return end_of(actor);
  }

 private:
  SystemRng rng_;
  System system_;
  net::EpollLoop loop_;
  Reactor reactor_;
  std::promise<void> bound_;
  std::thread thread_;
};

}  // namespace themis
