#pragma once
// Untrusted JavaScript functions in V8 isolates, behind plain interfaces: no V8 type shows here.
// Engine, Host, Worker and every call live on one thread, the one that created the Engine.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/bytes.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"

namespace themis::js {

/// Longest source of a function: what one deploy may carry.
inline constexpr size_t kSourceBytesMax = 1 << 20;
/// Calls of one worker that may wait at the same time; past it: overloaded.
inline constexpr size_t kCallsInFlightMax = 1024;
/// Timers one worker may have running; past it setTimeout throws.
inline constexpr size_t kTimersMax = 4096;
/// Questions to the state and to services that one worker may have open; past it they are refused.
/// The node has a limit for a whole process.
inline constexpr size_t kAsksMax = 256;
/// Longest question to the state.
inline constexpr size_t kAskBytesMax = 16 << 10;
/// Longest detail of an error that a function caused (message and stack); the rest is cut.
inline constexpr size_t kErrorDetailMax = 4096;
/// Isolates that wait for a function, made ahead of need; each is 1.4 MB. As many never-seen
/// functions are called at once without making one first.
inline constexpr size_t kPreparedMax = 8;
/// Quarters of the heap's limit; what V8 has not collected yet counts.
inline constexpr size_t kWornQuarters = 3;
/// CPU time of compiling and running the top level of a module, when the limit of a call is less.
inline constexpr Duration kLoadCpuMin = 400ms;

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
  Duration cpu = 50ms;               ///< Thread CPU time of one call. Past it: cpu_exceeded.
  Duration wall = 30s;               ///< From call() to the answer. Past it: timeout.
  size_t log_bytes = 64u << 10;      ///< console output of one call (and of loading).
  size_t response_bytes = 8u << 20;  ///< Body of a response. Past it: too_large.
  /// Names and values of a response's headers with one byte between any two. Past it: too_large.
  size_t response_head_bytes = 512u << 10;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One HTTP request for a function. `url` is absolute. Header names are tokens, values hold no
/// control characters; anything else is refused as malformed. Text is Latin-1, as in HTTP.
struct Request {
  std::string method = "GET";
  std::string url;
  Headers headers;
  Bytes body;
  std::string name_space = {};  ///< Whose state env.STATE is.
};

/// What the function answered. Header names are lower case; set-cookie may repeat.
struct Response {
  uint16_t status = 200;
  Headers headers;
  Bytes body;
  Duration cpu{};  ///< Thread CPU time of the call up to this answer.
};

enum class LogLevel : uint8_t { debug = 0, info = 1, warn = 2, error = 3 };

using TimerId = uint64_t;

/// All that a worker reaches of the outside; `net::Loop` fits the timer part. It must outlive the
/// worker. Methods are called on the engine's thread, post() from any.
class Host : public Clock {
 public:
  /// One console line, valid UTF-8, at most 8 KB, bounded per call by Limits::log_bytes.
  virtual void log(LogLevel level, std::string_view text) = 0;
  /// Runs `callback` once after `delay`, never inside after() itself.
  virtual TimerId after(Duration delay, std::function<void()> callback) = 0;
  virtual void cancel(TimerId id) = 0;
  /// Runs `work` on the engine's thread, never inside post() itself. Any thread.
  virtual void post(std::function<void()> work) = 0;
  /// Fills `out` for crypto.getRandomValues.
  virtual void random(std::span<std::byte> out) = 0;
  using Answered = std::function<void(Result<std::string>)>;
  /// Asks the state of a namespace; question and answer are JSON that is not looked at here.
  /// `answered` is called once on the engine's thread, never inside ask_state() itself, or dropped
  /// when nobody will answer any more. Of no use after `deadline`.
  virtual void ask_state(const std::string& name_space, const std::string& question,
                         TimePoint deadline, Answered answered) = 0;
  using ServiceAnswered = std::function<void(Result<Response>)>;
  /// Asks a service by its name; `answered` as for ask_state.
  virtual void call_service(const std::string& service, Request request, TimePoint deadline,
                            ServiceAnswered answered) = 0;
};

struct HeapFigures {
  size_t used_bytes = 0;       ///< Live and not yet collected objects of the V8 heap.
  size_t committed_bytes = 0;  ///< Memory the heap holds.
  size_t buffer_bytes = 0;     ///< ArrayBuffers.
};

/// One loaded function: an isolate with its module. Destroying it ends calls in flight with
/// `cancelled`.
class Worker {
 public:
  using Done = std::function<void(Result<Response>)>;

  virtual ~Worker() = default;
  /// Runs the handler's fetch. `done` is called exactly once: before call() returns when the
  /// handler settled in its first turn, later from a timer or posted work of the Host otherwise.
  /// `done` may call call() again and may destroy the worker. Not to be called from Host::log.
  /// Errors: threw (message and stack; or no Response; or a promise that nothing can settle),
  /// cpu_exceeded, memory_exceeded, timeout, too_large (the response), malformed (the request),
  /// overloaded, cancelled.
  /// Returns what cancel() takes.
  virtual uint32_t call(Request request, Done done) = 0;
  /// Ends a call that waits for a timer or a promise, with its timers: `done` is called with
  /// `cancelled` now. Not to be called while JavaScript runs. Unknown and answered calls: nothing.
  virtual void cancel(uint32_t call) = 0;
  /// Calls without an answer yet.
  virtual size_t in_flight() const = 0;
  /// True once the heap was over its limit: every further call is refused; load the function anew.
  virtual bool retired() const = 0;
  virtual HeapFigures heap() const = 0;
  /// True when more of the heap is used than kWornQuarters of its limit: better loaded anew between
  /// two calls than ended in the middle of one.
  virtual bool is_worn() const = 0;
};

struct EngineFigures {
  size_t prepared = 0;       ///< Isolates that wait for a function.
  size_t wasm_modules = 0;   ///< Compiled, and kept for whoever loads the same bytes.
  uint64_t wasm_shared = 0;  ///< How often somebody did.
};

/// The V8 of this process: the startup snapshot and the watchdog thread. It outlives its workers.
class Engine {
 public:
  struct Options {
    /// The blob made at build time; one that is missing or of another build is rebuilt in memory,
    /// with one warning in the log (about 30 ms); without one when the path is empty.
    std::string snapshot_path;
  };

  virtual ~Engine() = default;
  /// Errors: internal (not inside the node executable, or one that lacks a function we use).
  [[nodiscard]] static Result<std::unique_ptr<Engine>> create(const Options& options);

  /// Compiles `source`, an ES module with `export default { async fetch(request, env, ctx) {} }`,
  /// in an isolate of its own and runs its top level. `name` is what stack traces show.
  /// Errors: syntax (`f.js:3:7: Unexpected token`), too_large (the source), invalid (no default
  /// export with a fetch function), threw, cpu_exceeded, memory_exceeded.
  [[nodiscard]] virtual Result<std::unique_ptr<Worker>> load(std::string_view source,
                                                             std::string_view name,
                                                             const Limits& limits, Host& host) = 0;
  /// Makes an isolate for a load() to come, unless kPreparedMax wait: about 2 ms, with the Web API
  /// compiled and the heap limit that loads ask for of late. False: enough wait.
  virtual bool prepare() = 0;
  virtual EngineFigures figures() const = 0;
};

}  // namespace themis::js
