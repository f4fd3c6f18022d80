#pragma once
// One function: its isolate, its calls in flight, its timers. Internal: shows V8.

#include <v8.h>

#include <deque>
#include <map>
#include <unordered_map>

#include "runtime/crypto/web_key.hpp"
#include "runtime/js/call_parts.hpp"
#include "runtime/js/codec.hpp"
#include "runtime/js/decoders.hpp"
#include "runtime/js/isolate.hpp"
#include "runtime/js/modules.hpp"
#include "runtime/js/native_objects.hpp"
#include "runtime/js/remote.hpp"
#include "runtime/js/stacks.hpp"
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
  Status load(bundle::Bundle code, ByteView code_cache, const Actor* actor);
  uint32_t call(Request request, Done done) override;
  void cancel(uint32_t call) override;
  size_t in_flight() const override { return unanswered_ + streams_; }
  void read(uint64_t flow, PartDone done) override;
  void leave(uint64_t flow) override;
  bool retired() const override { return box_.heap_exceeded() || is_reset_; }
  bool is_worn() const override;
  uint8_t memory_percent() const override;
  HeapFigures heap() const override;
  void rest() override;
  bool code_cached() const override { return !graph_ || graph_->is_cached(); }
  Bytes make_code_cache() override;
  // For the natives, inside a turn.
  static WorkerImpl& of(v8::Isolate* isolate);
  Host& host() { return host_; }
  const Limits& limits() const { return limits_; }
  NativeObjects<IcuDecoder>& decoders() { return decoders_; }
  NativeObjects<Codec>& codecs() { return codecs_; }
  ArrayBuffers& buffers() { return box_.buffers(); }
  MappedStacks& stacks() { return stacks_; }
  Modules& graph() { return *graph_; }
  NativeObjects<crypto::WebKey>& keys() { return keys_; }
  bool is_out_of_time() const { return watchdog_.fired(); }  ///< For C++ that takes long.
  void watch_memory() { watchdog_.look_too(); }              ///< Those of WebAssembly.
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
  void end(uint32_t call);                          ///< The call's waitUntil promises have settled.
  void begin_stream(uint32_t call, Response head);  ///< Its body follows in bits; then end().
  void begin_socket(uint32_t call, Response head);  ///< The same for a 101, whose messages follow.
  bool write_socket(uint32_t call, Part part);      ///< False: nobody takes any, or no more.
  /// The next bit: undefined when there is room for more, a promise until there is, false when
  /// nobody wants any.
  v8::Local<v8::Value> write_stream(v8::Local<v8::Context> context, uint32_t call, Part part);
  /// The body of a request that the current call is about to make: [id, a promise that resolves
  /// when its reader leaves early]; writeStream and endStream follow. Throws past kUploadsMax.
  v8::Local<v8::Value> open_upload(v8::Local<v8::Context> context);
  /// A promise of room in the stream's queue; undefined while there is some.
  v8::Local<v8::Value> room_of(v8::Local<v8::Context> context, uint32_t call);
  void end_stream(uint32_t call);
  void fail_stream(uint32_t call, Error why);
  /// A promise of the next Uint8Array of a body, or of undefined at its end.
  v8::Local<v8::Value> read_flow(v8::Local<v8::Context> context, uint32_t in_flow);
  void leave_flow(uint32_t in_flow);
  /// What an exception means for its call.
  Error error_of(uint32_t call, v8::Local<v8::Value> exception);
  /// 0 when there can be no timer (outside of a call, or kTimersMax).
  uint32_t start_timer(v8::Local<v8::Function> callback, Duration delay, bool repeat);
  void clear_timer(uint32_t id);
  /// A promise of the answer's text. `name_space`: empty for the function's own.
  v8::Local<v8::Value> ask_state(v8::Local<v8::Context> context, const std::string& question,
                                 const std::string& name_space, EventKind kind);
  /// From now on, until as many unblock(), only events of the current call come in: the answer.
  uint32_t block();
  void unblock(uint32_t call);
  /// The actor cannot go on: all its calls fail at the end of the turn, and it is retired.
  void reset(std::string why);
  /// A promise that is settled in a turn of the current call, whoever's write is saved last. Writes
  /// are numbered by JavaScript.
  v8::Local<v8::Value> join(v8::Local<v8::Context> context, uint32_t writes);
  void saved(uint32_t writes) { saved_ = writes; }
  void when_turn_ends(v8::Local<v8::Function> work);  ///< Once: its microtasks have run.
  /// A promise of [status, headers, body, flow or 0], in the form of a call's request, whose flow
  /// is an upload's id.
  v8::Local<v8::Value> call_service(v8::Local<v8::Context> context, const std::string& service,
                                    Result<Request> request);
  /// Nobody waits for such a promise any more: who serves the request is told.
  void give_up_ask(v8::Local<v8::Value> promise);
  /// A promise of [status, headers, body, flow or 0].
  v8::Local<v8::Value> fetch_outward(v8::Local<v8::Context> context, Result<Request> request);

 private:
  using Body = std::function<void(v8::Local<v8::Context>)>;
  using Kind = EventKind;
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
  void erase_if_over(uint32_t call);
  /// Answers the call with `why`, or ends its stream with it, and forgets it.
  void end_early(uint32_t call, const Error& why);
  void watch_wall(uint32_t id);
  void on_wall(uint32_t id);
  void give_up(uint32_t id, Error why);
  /// Tells JavaScript that nobody waits for the call; whether it has waitUntil left.
  bool tell_gone(uint32_t id);
  /// Null: it is over, or there is none.
  OutStream* out_of(uint32_t id);
  void leave_upload(uint32_t id);
  void drop_stream(uint32_t id, const Error& why);
  void end_reader(OutStream& out, const Error& why);
  void announce(uint32_t id, Call& call);
  void hand_out(uint32_t id);
  void make_room(OutStream& out);
  void end_of_stream(uint32_t id);
  void settle_streams();
  void ask_flow(uint32_t ask, uint64_t flow);
  Result<v8::Local<v8::Value>> part_value(Result<Part>& part);
  uint32_t add_flow(uint64_t flow, uint32_t call);
  // actors.cpp: the gate of an actor.
  bool is_held(uint32_t call, Kind kind) const;
  /// Whether answers are still to come to the call; `of_storage`: those of its storage.
  bool has_asks(uint32_t call, bool of_storage = false) const;
  /// Runs an event of a call when the gate lets it in: now, or from a task.
  void enter(uint32_t call, Kind kind, std::function<void()> event);
  /// The same for the answer of a question; nothing when its call has ended.
  void when_in(uint32_t ask, std::function<void()> event);
  void release_later();
  void release();
  bool is_ready(const Join& join) const;
  void settle_joins();
  /// Fails all calls, if the actor cannot go on.
  void reset_all();
  Status open_actor(v8::Local<v8::Context> context, v8::Local<v8::Object> exports,
                    const Actor& actor);
  Status check_actors(v8::Local<v8::Context> context, v8::Local<v8::Object> exports,
                      const bundle::Settings& settings) const;
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
  /// The same for a request to others, which is counted.
  std::pair<v8::Local<v8::Promise>, uint32_t> begin_subrequest(v8::Local<v8::Context> context,
                                                               const char* refused);
  TimePoint ask_deadline() const;
  Host::ServiceAnswered response_to(uint32_t id, std::string whose, uint32_t upload);
  Result<v8::Local<v8::Value>> response_value(Result<Response>& answer);
  /// Hands out the answers collected by a turn. Last in its caller: a `done` may destroy *this.
  void deliver();
  void begin(uint32_t id, Request& request);
  void dispatch(v8::Local<v8::Context> context, uint32_t id, Request& request);
  void dispatch_event(v8::Local<v8::Context> context, uint32_t id, const Request& request);
  void dispatch_remote(v8::Local<v8::Context> context, uint32_t id, Request& request);
  Status configure(v8::Local<v8::Context> context, const bundle::Settings& settings);
  Status run_main(v8::Local<v8::Context> context, bundle::Bundle& code, ByteView cache,
                  const Actor* actor);
  Status find_handlers(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                       const std::string& file, bool may_have_none);
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
  v8::Global<v8::Function> fetch_, scheduled_, queue_, alarm_;  ///< Empty: the function has none.
  Remotes remotes_;
  NativeObjects<IcuDecoder> decoders_{kDecodersMax};
  NativeObjects<Codec> codecs_{kCodecsMax};
  NativeObjects<crypto::WebKey> keys_{kKeysMax};
  std::unordered_map<uint32_t, Call> calls_;
  std::unordered_map<uint32_t, Timer> timers_;
  std::unordered_map<uint32_t, Ask> asks_;
  std::unordered_map<uint32_t, InFlow> in_flows_;
  std::unordered_map<uint32_t, OutStream> uploads_;  ///< Numbered with the calls.
  std::vector<Completion> completions_;
  std::vector<PartCompletion> parts_;
  std::vector<uint32_t> touched_;      ///< Streams that changed in the turn.
  std::vector<Rejection> rejections_;  ///< Of the turn.
  bool is_actor_ = false, is_reset_ = false, releasing_ = false;
  std::string reset_why_;
  std::map<uint32_t, int> blockers_;  ///< Calls, and how often each blocks.
  std::deque<Held> held_;
  std::vector<Join> joins_;
  uint32_t saved_ = 0;
  v8::Global<v8::Function> turn_end_;
  size_t unanswered_ = 0;
  size_t streams_ = 0;  ///< OutStreams of answers.
  uint32_t last_call_ = 0, last_timer_ = 0, last_ask_ = 0, last_flow_ = 0;
  /// Answers may come after the worker: they see it gone.
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  uint32_t current_ = 0;  ///< The call whose turn it is; 0: none.
  bool in_turn_ = false, closing_ = false;
  Duration turn_start_{};
  size_t load_log_bytes_ = 0;
  size_t wasm_modules_ = 0;  ///< Made from bytes.
  MappedStacks stacks_;
};

}  // namespace themis::js
