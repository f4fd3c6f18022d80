#pragma once
// What protocol code may know of the outside: a clock, timers, streams and listeners of one
// event-loop thread. `EpollLoop` is the real one; `sim::Host` is the same on virtual time and a
// simulated network.

#include <functional>
#include <memory>
#include <string>

#include "runtime/base/bytes.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/stopwatch.hpp"

namespace themis::net {

/// Receives what happens to one stream; called on the loop's thread only. It may destroy the stream
/// inside any call.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  /// The connection is up (connecting side only).
  virtual void on_connected() {}
  /// Bytes arrived; borrowed for the call, and the handler may overwrite them (records are opened
  /// in place).
  virtual void on_data(std::span<std::byte> data) = 0;
  /// After a short write: the socket takes bytes again.
  virtual void on_writable() {}
  /// The stream is over: the peer closed it (detail "closed by the peer"), or it failed. Nothing
  /// follows.
  virtual void on_closed(const Error& why) = 0;
  /// A literal: who it is, for the report of what held the loop.
  virtual const char* name() const { return "a stream"; }
};

/// One byte stream. Destroying it closes it, without a call to its handler. Loop thread only.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Takes as many bytes as fit now and returns how many; fewer than given means: wait for
  /// on_writable. A broken stream takes all and reports through on_closed.
  virtual size_t write(ByteView data) = 0;
  /// All is written: the peer is told the end after what it has not read yet, and may go on itself.
  virtual void finish_writing() {}
  /// Stops (false) or resumes (true) on_data: how backpressure reaches the peer's kernel.
  virtual void set_reading(bool reading) = 0;
  virtual Address peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  /// The bound address; tells the port when 0 was asked for.
  virtual Address address() const = 0;
};

/// Takes what a listener accepts. Loop thread only; must outlive the listener, which it may destroy
/// inside any call.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  /// Returns the handler of the new stream, which must outlive it; null refuses the connection.
  /// The stream is handed over right after by `accepted`.
  virtual StreamHandler* on_accept(const Address& from) = 0;
  virtual void accepted(StreamHandler* handler, std::unique_ptr<Stream> stream) = 0;
};

using TimerId = uint64_t;

/// One event loop, one thread. All methods but post() and wake() are for its thread.
class Loop : public Clock {
 public:
  /// Calls `callback` once after `delay` (0: on the next turn). Never blocks, never fails.
  virtual TimerId after(Duration delay, std::function<void()> callback) = 0;
  /// Unknown and spent ids are ignored.
  virtual void cancel(TimerId id) = 0;

  /// Errors: io, with the address and the reason ("127.0.0.1:7001: address already in use").
  virtual Result<std::unique_ptr<Listener>> listen(const Address& address, Acceptor& acceptor) = 0;
  /// Starts to connect; on_connected or on_closed follows. Errors: io when the attempt fails at
  /// once.
  virtual Result<std::unique_ptr<Stream>> connect(const Address& to, StreamHandler& handler) = 0;

  /// Runs `work` on the loop's thread, in order. Any thread.
  virtual void post(std::function<void()> work) = 0;
  /// Makes the loop run one more turn soon. Any thread, async-signal-safe.
  virtual void wake() = 0;

  /// `turn` runs after each batch of events, before the loop sleeps; it returns true when it has
  /// more to do, and then the loop only polls. One hook a loop: the reactor's.
  virtual void set_turn(std::function<bool()> turn) = 0;
  /// Marks every call the loop makes on `watch`, which outlives the loop or is taken back with
  /// null. Without effect on virtual time.
  virtual void set_stopwatch(Stopwatch* watch) = 0;
};

}  // namespace themis::net
