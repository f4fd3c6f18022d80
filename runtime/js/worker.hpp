#pragma once
// One function: its isolate, its calls in flight, its timers. Internal: shows V8.

#include <v8.h>

#include <optional>
#include <unordered_map>

#include "runtime/crypto/web_key.hpp"
#include "runtime/js/codec.hpp"
#include "runtime/js/decoders.hpp"
#include "runtime/js/isolate.hpp"
#include "runtime/js/modules.hpp"
#include "runtime/js/native_objects.hpp"
#include "runtime/js/wasm_modules.hpp"
#include "runtime/js/watchdog.hpp"

namespace themis::js {

/// Rejected promises a turn remembers until its end; of more the global scope does not hear. They
/// are held from outside of the heap.
inline constexpr size_t kRejectionsMax = 256;

/// CryptoKeys one worker may have; each is some kilobytes outside of its heap.
inline constexpr size_t kKeysMax = 1024;

/// Every entry into JavaScript is a turn: it belongs to one call, its CPU time is charged to that
/// call, the watchdog is armed with what the call has left, and the microtasks run at its end.
class WorkerImpl final : public Worker {
 public:
  /// The heap's limit is the isolate's.
  WorkerImpl(std::unique_ptr<PreparedIsolate> isolate, const Limits& limits, Host& host,
             Watchdog& watchdog, WasmModules& wasm);
  ~WorkerImpl() override;

  /// Ends a worker that has no calls, and hands its isolate on.
  static std::unique_ptr<PreparedIsolate> take_isolate(std::unique_ptr<WorkerImpl> worker);

  /// Compiles and runs the modules; once, before the first call. Errors: as Engine::load.
  Status load(bundle::Bundle code);

  uint32_t call(Request request, Done done) override;
  void cancel(uint32_t call) override;
  size_t in_flight() const override { return unanswered_; }
  bool retired() const override { return box_.heap_exceeded(); }
  bool is_worn() const override;
  HeapFigures heap() const override;

  // For the natives, inside a turn.
  static WorkerImpl& of(v8::Isolate* isolate);
  Host& host() { return host_; }
  const Limits& limits() const { return limits_; }
  NativeObjects<IcuDecoder>& decoders() { return decoders_; }
  NativeObjects<Codec>& codecs() { return codecs_; }
  ArrayBuffers& buffers() { return box_.buffers(); }
  Modules& graph() { return *graph_; }
  NativeObjects<crypto::WebKey>& keys() { return keys_; }
  /// What runs is to end: for C++ that takes long.
  bool is_out_of_time() const { return watchdog_.fired(); }
  /// From now on the watchdog looks at the memories of WebAssembly.
  void watch_memory() { watchdog_.look_too(); }
  size_t count_wasm_module() { return ++wasm_modules_; }
  /// Errors: invalid (what import_memories() refuses); syntax (V8 has thrown).
  Result<v8::Local<v8::WasmModuleObject>> compile_wasm(ByteView bytes);
  static void open_web_assembly(v8::Local<v8::Name> name,
                                const v8::PropertyCallbackInfo<v8::Value>& info);
  TimePoint started() const { return started_; }
  void log(LogLevel level, v8::Local<v8::String> text);
  /// The answer of a call; unknown ids (it timed out) are ignored. `more`: waitUntil goes on.
  void answer(uint32_t call, Result<Response> result, bool more);
  /// The handler's exception as the answer.
  void answer_exception(uint32_t call, v8::Local<v8::Value> exception, bool more);
  /// The call's waitUntil promises have settled.
  void end(uint32_t call);
  /// 0 when there can be no timer (outside of a call, or kTimersMax).
  uint32_t start_timer(v8::Local<v8::Function> callback, Duration delay, bool repeat);
  void clear_timer(uint32_t id);
  /// A promise of the answer's text. `name_space`: empty for the function's own.
  v8::Local<v8::Value> ask_state(v8::Local<v8::Context> context, const std::string& question,
                                 const std::string& name_space);
  /// A promise of [status, headers, body], in the form of a call's request.
  v8::Local<v8::Value> call_service(v8::Local<v8::Context> context, const std::string& service,
                                    Result<Request> request);

 private:
  using Body = std::function<void(v8::Local<v8::Context>)>;
  struct Call {
    Done done;  ///< Empty once answered; the record then lives on for waitUntil.
    std::string name_space;
    uint8_t depth = 0;
    size_t subrequests = 0;
    Duration cpu{};
    size_t log_bytes = 0;
    size_t timers = 0;
    size_t buffers_refused = 0;  ///< ArrayBuffers::refused when it began.
    TimerId wall_timer = 0;
    bool has_wall_timer = false;
  };
  struct Timer {
    v8::Global<v8::Function> callback;
    uint32_t call = 0;
    TimerId host_timer = 0;
    Duration delay{};
    bool repeat = false;
  };
  /// A question to the state or to a service, without its answer.
  struct Ask {
    v8::Global<v8::Promise::Resolver> promise;
    uint32_t call = 0;
  };
  /// A promise that was rejected with nobody waiting, or (`handled`) found somebody afterwards.
  struct Rejection {
    v8::Global<v8::Promise> promise;
    bool handled = false;
  };
  struct Completion {
    Done done;
    Result<Response> result;
  };
  enum class Ended { normally, cpu, heap };

  /// Runs `body` and the microtasks after it, for `call` (0: for none) with `budget` of CPU time.
  Ended turn(uint32_t call, Duration budget, const Body& body);
  Ended leave(Duration start);
  /// A turn for a call in flight, with what it has left; then what follows from its end.
  void call_turn(uint32_t call, const Body& body);
  void settle(uint32_t call, Ended ended);
  void fail_stuck_calls();
  void fail_all(const Error& error);
  void erase(uint32_t call);
  void watch_wall(uint32_t id);
  void give_up(uint32_t id, Error why);
  void run_tasks(const std::function<void()>& tasks);
  void fire_timer(uint32_t id);
  static void on_promise_reject(v8::PromiseRejectMessage message);
  /// Tells the global scope of the turn's rejections that nobody handles, or handles late.
  void tell_rejections(v8::Local<v8::Context> context);
  using ToValue = std::function<Result<v8::Local<v8::Value>>()>;
  /// The promise of a question by the current call, and its number; 0: it was rejected at once, as
  /// it is when `refused` says why.
  std::pair<v8::Local<v8::Promise>, uint32_t> begin_ask(v8::Local<v8::Context> context,
                                                        const char* refused);
  void settle_ask(uint32_t id, const char* whose, const ToValue& answer);
  /// Hands out the answers collected by a turn. Last in its caller: a `done` may destroy *this.
  void deliver();
  void dispatch(v8::Local<v8::Context> context, uint32_t id, Request& request);
  void dispatch_event(v8::Local<v8::Context> context, uint32_t id, const Request& request);
  Status configure(v8::Local<v8::Context> context, const bundle::Settings& settings);
  Status run_main(v8::Local<v8::Context> context, bundle::Bundle& code);
  Status find_handlers(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                       const std::string& file);
  Status check_events(const bundle::Settings& settings, const std::string& file) const;
  Status open_wasm(v8::Local<v8::Context> context, const bundle::Module& main);

  const Limits limits_;
  Host& host_;
  Watchdog& watchdog_;
  WasmModules& wasm_;
  const TimePoint started_;
  std::unique_ptr<PreparedIsolate> isolate_;
  IsolateBox& box_;
  v8::Global<v8::Context>& context_;
  std::optional<Modules> graph_;  ///< Set by load(), but of a Wasm function.
  v8::Global<v8::Object> handler_;
  v8::Global<v8::Function> fetch_, scheduled_, queue_;  ///< Empty: the function has none.
  NativeObjects<IcuDecoder> decoders_{kDecodersMax};
  NativeObjects<Codec> codecs_{kCodecsMax};
  NativeObjects<crypto::WebKey> keys_{kKeysMax};
  std::unordered_map<uint32_t, Call> calls_;
  std::unordered_map<uint32_t, Timer> timers_;
  std::unordered_map<uint32_t, Ask> asks_;
  std::vector<Completion> completions_;
  std::vector<Rejection> rejections_;  ///< Of the turn.
  size_t unanswered_ = 0;
  uint32_t last_call_ = 0;
  uint32_t last_timer_ = 0;
  uint32_t last_ask_ = 0;
  /// Answers may come after the worker: they see it gone.
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  uint32_t current_ = 0;  ///< The call whose turn it is; 0: none.
  bool in_turn_ = false;
  bool closing_ = false;
  Duration turn_start_{};
  size_t load_log_bytes_ = 0;
  size_t wasm_modules_ = 0;  ///< Made from bytes.
};

}  // namespace themis::js
