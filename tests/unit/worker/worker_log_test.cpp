// What a function host may log: on virtual time, so that a second is exactly one.
#include "actors/worker/worker_log.hpp"

#include <gtest/gtest.h>

#include <caf/all.hpp>

#include "actors/system/system.hpp"
#include "function.capnp.h"
#include "runtime/sim/world.hpp"
#include "wire/msg.hpp"

namespace themis {
namespace {

wire::Msg<schema::LogLine> line_of(size_t bytes) {
  wire::Builder<schema::LogLine> line(bytes / 8 + 16);
  line->setFunction("f");
  line->setLevel(1);
  line->setText(wire::to_text(std::string(bytes, 'x')));
  return line.finish();
}

class WorkerLogTest : public testing::Test {
 protected:
  WorkerLogTest() : reactor_(system_.caf(), host_) {
    reactor_.bind_to_this_thread();
    log_ = spawn_hosted<WorkerLog>(
        reactor_, [this](std::string_view, int, std::string_view) { ++kept_; }, &book_);
  }
  /// How many of `count` lines are kept.
  size_t keep(size_t count, const wire::Msg<schema::LogLine>& line) {
    const size_t before = kept_;
    for (size_t i = 0; i < count; ++i) caf::anon_send(log_.handle(), line);
    return kept_ - before;
  }

  System system_{System::Scheduling::virtual_time};
  sim::World world_{1};
  sim::Host& host_{world_.add_host("10.0.0.1")};
  Reactor reactor_;
  HostedPtr<WorkerLog> log_;
  LogBook book_{1};
  size_t kept_ = 0;
};

TEST_F(WorkerLogTest, KeepsSoManyLinesASecond) {
  const auto line = line_of(10);
  EXPECT_EQ(keep(2 * WorkerLog::kLinesPerSecond, line), WorkerLog::kLinesPerSecond);
  world_.run_for(2s);
  EXPECT_EQ(keep(1, line), 1u);
  EXPECT_EQ(book_.read("f", {}).lines.back().lost, WorkerLog::kLinesPerSecond)
      << "readers are told";
}

TEST_F(WorkerLogTest, RegressKeepsSoManyBytesASecondHoweverFewTheLines) {
  const auto line = line_of(8000);
  const size_t most = WorkerLog::kBytesPerSecond / line.frame()->size();
  ASSERT_LT(most, WorkerLog::kLinesPerSecond);
  EXPECT_EQ(keep(280, line), most);
  world_.run_for(2s);
  EXPECT_EQ(keep(280, line), most);
}

}  // namespace
}  // namespace themis
