#pragma once
// What a JavaScript function may use, and what all of them have the same of.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/clock.hpp"

namespace themis::js {

/// Calls of one worker that may wait at the same time; past it: overloaded.
inline constexpr size_t kCallsInFlightMax = 1024;
/// Timers one worker may have running; past it setTimeout throws.
inline constexpr size_t kTimersMax = 4096;
/// Questions to the state and to services that one worker may have open; past it they are refused.
/// The node has a limit for a whole process.
inline constexpr size_t kAsksMax = 256;
/// Requests to functions, services, queues and the outside that one call may make.
inline constexpr size_t kSubrequestsMax = 1000;
/// Functions and actors that may call each other in a row, so that a circle of them ends.
inline constexpr uint8_t kDepthMax = 8;
/// Longest question to the state.
inline constexpr size_t kAskBytesMax = 16 << 10;
/// Longest detail of an error that a function caused (message and stack); the rest is cut.
inline constexpr size_t kErrorDetailMax = 4096;
/// Isolates that wait for a function, made ahead of need; each is 1.1 MB. As many never-seen
/// functions are called at once without making one first.
inline constexpr size_t kPreparedMax = 8;
/// Longest code cache. With its source it has to fit a message, too; else there is none.
inline constexpr size_t kCodeCacheBytesMax = 1536 << 10;
/// Sources of less are compiled in less than it takes to read a cache of them.
inline constexpr size_t kCodeCacheSourceMin = 16 << 10;
/// Quarters of the heap's limit; what V8 has not collected yet counts.
inline constexpr size_t kWornQuarters = 3;
/// Bytes of a streamed body that wait for their reader; past it the producer does, with one chunk
/// of at most as much on its way.
inline constexpr size_t kStreamBytesMax = 64 << 10;
/// A part that is asked for comes within this, if only as an empty one: who asks knows that the
/// other side lives.
inline constexpr Duration kPollMax = 20s;
/// Messages to a client that does not take them; past it sending throws.
inline constexpr size_t kSocketBytesMax = 2 << 20;
/// Longest message of a WebSocket.
inline constexpr size_t kSocketMessageMax = 1 << 20;
/// How long the reader of a stream may leave what waits for it.
inline constexpr Duration kUnreadMax = 300s;
/// CPU time of compiling and running the top level of a module, when the limit of a call is less.
inline constexpr Duration kLoadCpuMin = 400ms;

/// The detail of a call whose promise can never settle, of code threw: its callers are told it too.
inline constexpr std::string_view kHungDetail =
    "the function's code hung and would never answer: its promise waits for nothing that can come";

/// What a function is kept from that others might run beside.
enum class Profile : uint8_t {
  /// Neither text nor bytes become code: `eval`, `new Function` and WebAssembly from bytes throw.
  /// Clocks have whole milliseconds.
  multi_tenant,
  trusted,  ///< All of that is there, and performance.now() has microseconds.
};

/// What a function may use. Every limit ends the request that broke it, never the process, with two
/// exceptions that only the parent of the process can handle (SIGKILL, and starting it again):
/// - a V8 builtin never looks whether it is to end: `new Array(1e8).fill(0)` runs to its end, and
///   a loop of such calls is ended up to 400 calls late;
/// - one builtin that makes over 1.2 GB of strings (a global replace over 100 MB of text) makes V8
///   abort the process, after some 10 s of CPU time.
struct Limits {
  Profile profile = Profile::multi_tenant;
  /// V8 heap. Past it: memory_exceeded for all calls, retired. Garbage
  /// counts. One large allocation may pass it until the turn ends.
  size_t heap_bytes = 128u << 20;
  /// All ArrayBuffers and WebAssembly memories of the worker, apart from the heap. Past it
  /// allocating throws a RangeError; a call that ends with that one ends with memory_exceeded, and
  /// the worker stays usable. Memories that grew past it by memory.grow, which is not refused while
  /// each is below it: memory_exceeded for all calls, retired.
  size_t buffer_bytes = 64u << 20;
  Duration cpu = 50ms;  ///< Thread CPU time of one call. Past it: cpu_exceeded.
  /// From call() to the answer, and as long may a streamed body stand still. Past it: timeout.
  Duration wall = 30s;
  /// WebSockets open at once. Each has a question open, for the client's next message: half of
  /// kAsksMax leaves as many to requests. Past it a request for one ends with overloaded.
  size_t sockets = kAsksMax / 2;
  size_t log_bytes = 64u << 10;      ///< console output of one call (and of loading).
  size_t response_bytes = 8u << 20;  ///< Body of a response. Past it: too_large.
  size_t stream_bytes =
      size_t{1} << 30;  ///< Of a streamed response. Past it it ends with an error.
  /// Names and values of a response's headers with one byte between any two. Past it: too_large.
  size_t response_head_bytes = 512u << 10;
};

}  // namespace themis::js
