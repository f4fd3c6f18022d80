#pragma once
// Untrusted JavaScript functions in V8 isolates, behind plain interfaces: no V8 type shows here.
// Engine, Host, Worker and every call live on one thread, the one that created the Engine.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/bytes.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/bundle/actor_name.hpp"
#include "runtime/bundle/bundle.hpp"
#include "runtime/js/limits.hpp"

namespace themis::js {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// What a function is called for. The numbers travel in Invoke.
enum class Event : uint8_t {
  fetch = 0,      ///< An HTTP request, its answer a response.
  scheduled = 1,  ///< The body is {"scheduledTime", "cron"} as JSON; the answer is empty.
  queue = 2,  ///< The body is {"queue", "messages"} as JSON, and the answer what to do with each.
  alarm = 3,  ///< Of an actor. The body is the time it was set to; the answer is empty.
  /// A function calls an exported one: `method` is its name, the body an array of arguments as
  /// V8's serializer writes it. Answered with 200 and the value, or 400 and {name, message, stack}.
  remote = 4,
};

/// One HTTP request for a function. `url` is absolute. Header names are tokens, values hold no
/// control characters; anything else is refused as malformed. Text is Latin-1, as in HTTP.
struct Request {
  std::string method = "GET";
  std::string url;
  Headers headers;
  Bytes body;
  std::string name_space = {};  ///< Whose state env.STATE is.
  Event event = Event::fetch;
  uint8_t depth = 0;  ///< Functions that called each other until this one.
  /// Not 0: the body comes bit by bit, see Host::read_flow. Of a request to others: see
  /// Worker::read.
  uint64_t flow = 0;
  /// The client asks for a WebSocket: `flow` brings its messages, if the answer is a 101.
  bool socket = false;
  std::optional<bundle::ActorName> actor = {};  ///< Whom a function asks, of its own actors.
  TimePoint deadline = TimePoint::max();        ///< The caller gives up then: so do its questions.
  bool is_own = false;  ///< Of `remote`: the caller's owner is the function's.
};

/// A bit of a body, or one message of a WebSocket. Bytes without any mean: ask again.
struct Part {
  enum class Kind : uint8_t {
    bytes = 0,
    end = 1,   ///< Of a body: nothing follows.
    text = 2,  ///< Valid UTF-8.
    binary = 3,
    close = 4,  ///< The last one of a WebSocket: `code`, and the reason as text.
  };
  Kind kind = Kind::bytes;
  Bytes data;
  uint16_t code = 0;
  bool is_last() const { return kind == Kind::end || kind == Kind::close; }
};

/// What the function answered. Header names are lower case; set-cookie may repeat.
struct Response {
  uint16_t status = 200;
  Headers headers;
  Bytes body;
  Duration cpu{};  ///< Thread CPU time of the call up to this answer.
  /// In the answer of a call, not 0: more of the body follows, see Worker::read. In one of a Host:
  /// see Host::read_flow.
  uint64_t flow = 0;
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
  /// Tells whoever serves a request that nobody needs its answer any more, which may come all the
  /// same. At most once, on the engine's thread.
  using GiveUp = std::function<void()>;
  /// Asks a service by its name, a function as "fn/NAME" (whose body alone may come bit by bit), a
  /// queue to take messages as "queue/NAME", `request.actor` of a function as "actor/NAME";
  /// `answered` as for ask_state.
  virtual GiveUp call_service(const std::string& service, Request request, TimePoint deadline,
                              ServiceAnswered answered) = 0;
  /// Makes one request to the outside, if the function may; redirects are its own to follow. With a
  /// flow its content-length, if it has one, is the body's. `answered` as for ask_state.
  virtual GiveUp fetch_outward(Request request, TimePoint deadline, ServiceAnswered answered) = 0;
  using PartAnswered = std::function<void(Result<Part>)>;
  /// The next part of a body that comes bit by bit; one at a time of each. `answered` as for
  /// ask_state.
  virtual void read_flow(uint64_t flow, PartAnswered answered) = 0;
  /// Nobody reads it any more.
  virtual void leave_flow(uint64_t flow) = 0;
};

/// What a remote call has for a URL.
inline constexpr const char* kRemoteUrl = "http://remote/";

struct HeapFigures {
  size_t used_bytes = 0;       ///< Live and not yet collected objects of the V8 heap.
  size_t committed_bytes = 0;  ///< Memory the heap holds.
  size_t buffer_bytes = 0;     ///< ArrayBuffers.
  size_t malloced_bytes = 0;   ///< What V8 has beside the heap: parsing, compiling.
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
  /// Errors: threw (message and stack; or no Response; kHungDetail),
  /// cpu_exceeded, memory_exceeded, timeout, too_large (the response), malformed (the request),
  /// overloaded, cancelled.
  /// Returns what cancel() takes.
  virtual uint32_t call(Request request, Done done) = 0;
  /// Ends a call that waits for a timer or a promise, with its timers: request.signal is aborted,
  /// then `done` called with `cancelled`; what waitUntil waits for goes on. Not to be called while
  /// JavaScript runs. Unknown and answered calls: nothing.
  virtual void cancel(uint32_t call) = 0;
  using PartDone = std::function<void(Result<Part>)>;
  /// The next part of a body, of a call that was answered with a `flow` or of a request to others
  /// that has one: the part that waits, else the next one that the function makes, else an empty
  /// one after kPollMax. `done` is called once, before read() returns or later, and may do what
  /// that of call() may. Errors: what ended the stream early, as of call(); not_found (it is over,
  /// or there is none).
  virtual void read(uint64_t flow, PartDone done) = 0;
  /// Nobody reads it any more: the stream is cancelled and, of an answer, request.signal aborted.
  virtual void leave(uint64_t flow) = 0;
  /// Calls without an answer yet, or whose body is not out yet.
  virtual size_t in_flight() const = 0;
  /// True once the heap was over its limit: every further call is refused; load the function anew.
  virtual bool retired() const = 0;
  virtual HeapFigures heap() const = 0;
  /// True when more of the heap is used than kWornQuarters of its limit: better loaded anew between
  /// two calls than ended in the middle of one.
  virtual bool is_worn() const = 0;
  /// Of its heap's limit, or that of its buffers if that is nearer: how much is used, 0 to 100.
  virtual uint8_t memory_percent() const = 0;
  /// Gives back the memory that only garbage and the next calls would have: for a function that
  /// nobody calls. Takes some milliseconds. Not to be called while JavaScript runs.
  virtual void rest() = 0;
  /// Nothing is gained by make_code_cache(): what was loaded came from one, or is small.
  virtual bool code_cached() const = 0;
  /// What V8 has compiled by now, for a load() of the same code; best after some calls. Takes as
  /// long as compiling it did. Empty: there is nothing, or it is over kCodeCacheBytesMax. Not to be
  /// called while JavaScript runs.
  virtual Bytes make_code_cache() = 0;
};

/// What an isolate can be instead of a function: one object of a class that its main module
/// exports.
struct Actor {
  bundle::ActorName name;
  bundle::ActorHome home;
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

  /// Compiles the main module and what it imports in an isolate of its own and runs its top level:
  /// `export default { async fetch(request, env, ctx) {} }`, with `scheduled` and `queue` instead
  /// or as well, or a listener to `fetch` or `scheduled` events. The secrets of the settings are
  /// open. Errors: syntax (`f.js:3:7: Unexpected token`; an import of what is not there), invalid
  /// (no handler, JSON of env that is none), threw, cpu_exceeded, memory_exceeded.
  /// `code_cache`: what make_code_cache() gave for this very code, of somebody who may run code
  /// here, or nothing; one that V8 refuses is as none. With an `actor` its calls go to the `fetch`
  /// of that object, made by the first one, and events to its `alarm`: while a question to its
  /// storage is open nothing but its answer comes in, answers leave when all that was written
  /// before is on disk. A call that met a limit ends the others as well, with `cancelled`, and
  /// retires the worker; calls are not cancelled.
  [[nodiscard]] virtual Result<std::unique_ptr<Worker>> load(bundle::Bundle code,
                                                             const Limits& limits, Host& host,
                                                             ByteView code_cache,
                                                             const Actor* actor) = 0;
  [[nodiscard]] Result<std::unique_ptr<Worker>> load(bundle::Bundle code, const Limits& limits,
                                                     Host& host, ByteView code_cache = {}) {
    return load(std::move(code), limits, host, code_cache, nullptr);
  }
  /// Makes an isolate for a load() to come, unless kPreparedMax wait: about 2 ms, with the Web API
  /// compiled and the heap limit that loads ask for of late. False: enough wait.
  virtual bool prepare() = 0;
  virtual EngineFigures figures() const = 0;
  /// The same for code of either form. Errors: also those of bundle::read_code.
  [[nodiscard]] Result<std::unique_ptr<Worker>> load(std::string_view code, std::string_view name,
                                                     const Limits& limits, Host& host,
                                                     ByteView code_cache = {}) {
    THEMIS_TRY(bundle::Bundle read, bundle::read_code(as_bytes(code), name));
    return load(std::move(read), limits, host, code_cache);
  }
};

}  // namespace themis::js
