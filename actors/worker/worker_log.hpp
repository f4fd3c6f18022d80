#pragma once
// Takes the console lines of functions from a function host that is not trusted.

#include "actors/system/hosted_actor.hpp"
#include "actors/worker/log_book.hpp"
#include "actors/worker/worker_pool.hpp"

namespace themis {

/// Exported to a host as "log". Lines past kLinesPerSecond or kBytesPerSecond are dropped and
/// counted: a host that was taken over can neither fill the disk nor stop this actor (exit messages
/// are ignored).
class WorkerLog final : public HostedActor {
 public:
  static constexpr uint32_t kLinesPerSecond = 2000;
  /// 2000 of the longest lines would be 16 MB a second; usual ones are some 100 bytes.
  static constexpr size_t kBytesPerSecond = 256 * 1024;
  static constexpr size_t kTextBytesMax = 8 * 1024;
  static constexpr size_t kNameBytesMax = 128;

  /// `book`: what is kept for readers; null: nothing is. It outlives this actor.
  WorkerLog(caf::actor_config& config, Reactor& reactor, FunctionLog log, LogBook* book = nullptr)
      : HostedActor(config, reactor), log_(std::move(log)), book_(book) {}
  const char* name() const override { return "worker-log"; }
  /// A line of the node's about a function; counted as its own are.
  void write(std::string_view function, uint8_t level, std::string_view text);
  /// The same for the function's own readers only.
  void note(std::string_view function, uint8_t level, std::string_view text);

 private:
  void on_message(caf::mailbox_element& element) override;
  void on_exit(const caf::error&) override {}
  /// A line of so many bytes, as far as it is kept.
  bool admit(size_t bytes);

  const FunctionLog log_;
  LogBook* const book_;
  TimePoint second_{};
  uint32_t lines_ = 0;
  size_t bytes_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace themis
