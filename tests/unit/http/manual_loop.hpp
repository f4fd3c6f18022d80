#pragma once
// A loop for tests of one server: virtual time, timers by hand, and streams whose other end is the
// test.

#include <algorithm>
#include <map>
#include <vector>

#include "runtime/net/loop.hpp"

namespace themis::test {

/// The test's end of one connection. Outlives the server's stream.
struct Peer {
  net::StreamHandler* handler = nullptr;
  std::string received;        // all that the server wrote
  std::vector<size_t> writes;  // the sizes of its writes
  size_t window = SIZE_MAX;    // how many more bytes the "kernel" takes
  size_t offered_max = 0;      // the largest write, taken or not
  size_t moved_bytes = 0;      // offered at another place in memory than where the last write ended
  const std::byte* rest = nullptr;  // where the last write ended
  bool reading = true;
  bool open = false;

  void send(std::string_view text) {
    Bytes bytes = to_bytes(text);
    if (open) handler->on_data(bytes);
  }
  void leave() {
    if (open) handler->on_closed({Code::unavailable, "closed by the peer"});
  }
  void open_window(size_t bytes) {
    window = bytes;
    if (open) handler->on_writable();
  }
  std::string take() { return std::exchange(received, {}); }
};

class ManualLoop final : public net::Loop {
 public:
  /// Connects to the listening server; null when it refuses.
  Peer* connect() {
    peers_.push_back(std::make_unique<Peer>());
    Peer& peer = *peers_.back();
    peer.handler = acceptor_->on_accept({"192.0.2.1", 4711});
    if (peer.handler == nullptr) return nullptr;
    peer.open = true;
    acceptor_->accepted(peer.handler, std::make_unique<PeerStream>(peer));
    return &peer;
  }
  bool listening() const { return acceptor_ != nullptr; }
  size_t timers() const { return timers_.size(); }

  /// Runs what is due now, then moves the clock on, timer by timer.
  void advance(Duration by) {
    const TimePoint until = now_ + by;
    while (true) {
      const auto due = std::min_element(timers_.begin(), timers_.end(), [](auto& a, auto& b) {
        return std::pair(a.second.at, a.first) < std::pair(b.second.at, b.first);
      });
      if (due == timers_.end() || due->second.at > until) break;
      now_ = std::max(now_, due->second.at);
      const auto callback = std::move(due->second.callback);
      timers_.erase(due);
      callback();
    }
    now_ = until;
  }
  void turn() { advance(0s); }

  TimePoint now() const override { return now_; }
  int64_t wall_ms() const override { return 784111777000; }  // the date of RFC 9110's examples
  net::TimerId after(Duration delay, std::function<void()> callback) override {
    timers_[next_timer_] = {now_ + delay, std::move(callback)};
    return next_timer_++;
  }
  void cancel(net::TimerId id) override { timers_.erase(id); }
  Result<std::unique_ptr<net::Listener>> listen(const net::Address& address,
                                                net::Acceptor& acceptor) override {
    acceptor_ = &acceptor;
    return std::make_unique<ManualListener>(*this, address);
  }
  Result<std::unique_ptr<net::Stream>> connect(const net::Address&, net::StreamHandler&) override {
    return fail(Code::io, "this loop only accepts");
  }
  void post(std::function<void()> work) override { after(0s, std::move(work)); }
  void wake() override {}
  void set_turn(std::function<bool()>) override {}
  void set_stopwatch(net::Stopwatch*) override {}

 private:
  struct Timer {
    TimePoint at;
    std::function<void()> callback;
  };
  class PeerStream final : public net::Stream {
   public:
    explicit PeerStream(Peer& peer) : peer_(peer) {}
    ~PeerStream() override { peer_.open = false; }
    size_t write(ByteView data) override {
      const size_t taken = std::min(data.size(), peer_.window);
      peer_.offered_max = std::max(peer_.offered_max, data.size());
      if (data.data() != peer_.rest) peer_.moved_bytes += data.size();
      peer_.rest = data.data() + taken;
      peer_.received += as_text(data.first(taken));
      peer_.writes.push_back(taken);
      if (peer_.window != SIZE_MAX) peer_.window -= taken;
      return taken;
    }
    void set_reading(bool reading) override { peer_.reading = reading; }
    net::Address peer() const override { return {"192.0.2.1", 4711}; }

   private:
    Peer& peer_;
  };
  class ManualListener final : public net::Listener {
   public:
    ManualListener(ManualLoop& loop, net::Address address)
        : loop_(loop), address_(std::move(address)) {}
    ~ManualListener() override { loop_.acceptor_ = nullptr; }
    net::Address address() const override { return address_; }

   private:
    ManualLoop& loop_;
    net::Address address_;
  };

  TimePoint now_{};
  net::TimerId next_timer_ = 1;
  std::map<net::TimerId, Timer> timers_;
  std::vector<std::unique_ptr<Peer>> peers_;
  net::Acceptor* acceptor_ = nullptr;
};

}  // namespace themis::test
