#pragma once
// A node of the mesh inside your own program: serve typed services under a name, call those of
// others.

#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "themis/service.hpp"

namespace themis {

struct NodeSettings {
  std::string network = "twiitr";
  std::string join =
      "127.0.0.1:7001";  ///< A node of the mesh, or NODEID@HOST:PORT; empty: start a mesh.
  std::string listen = "127.0.0.1:0";  ///< Port 0: any free one.
  std::string data;  ///< Where the identity is kept; empty: a new one at every start.
  /// A mesh.toml: its [[route]] and [[allow]] hold for the calls and services of this program, its
  /// mesh.invite and mesh.inviters for its sessions.
  std::string config;
  /// What this program's services announce: a version for canaries, a weight for balancing (0: only
  /// when nobody else is left), labels "key=value".
  std::string version;
  uint16_t weight = 100;
  std::vector<std::string> labels;
  bool verbose = false;  ///< Log to stderr.

  /// Reads --join, --network, --listen, --data, --config, --version, --weight, --label and
  /// --verbose; prints --help or what is wrong and exits (0 or 2).
  static NodeSettings from_arguments(int argc, char** argv);
};

/// One node. Its sessions and its ring run on a thread of its own, each service in an actor on a
/// pool of two threads.
class Node {
 public:
  /// Joins the mesh; prints one line and exits (1) when it cannot.
  Node(int argc, char** argv) : Node(NodeSettings::from_arguments(argc, argv)) {}
  explicit Node(const NodeSettings& settings);
  /// Ends the services and leaves the ring, at most 2 s each; then waits for a service that is
  /// still busy, as its handler runs in this program.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Runs a new `S` under `name` and announces it: `node.serve<Greeter,
  /// &Greeter::hello>("greeter")`. It is restarted when it fails. Any thread. Errors: those of
  /// storing the name.
  template <class S, auto... Methods>
  Status serve(const std::string& name) {
    return serve_factory(name,
                         [] { return ServiceRunner::make<S, Methods...>(std::make_unique<S>()); });
  }

  /// Asks the service `name`, wherever it runs, and waits. Any thread but a service's (there:
  /// co_await call<R>()). Errors: not_found, unavailable, timeout, overloaded, denied,
  /// rate_limited, and what the service answered.
  template <class R, class P>
  Result<In<R>> call(const std::string& name, Out<P>& params, Duration timeout = 10s,
                     Idempotent idempotent = Idempotent::no) {
    THEMIS_TRY(wire::FramePtr frame,
               call_frame(name, params.finish().frame(), timeout, idempotent));
    if (frame->type() != In<R>::kType) return fail(Code::malformed, "an answer of another type");
    return In<R>(std::move(frame));
  }

  /// Asks verified state, wherever in the mesh its namespace is kept, and waits; with `wait` until
  /// the answer is certified. Any thread but a service's (there: co_await state(...)).
  ///
  ///   node.ask_state({.op = StateOp::put, .name_space = "notes", .key = "k", .value = bytes});
  ///
  /// With `.receipt = true` the answer has a monitor's receipt, and with `wait` one that proves it
  /// to others: `receipt->transferable`, a file for `themis receipt verify`.
  ///
  /// Errors: those of check_state_call, forged (a monitor refused something: the state cannot be
  /// believed any more), unavailable, overloaded, timeout.
  Result<StateAnswer> ask_state(StateCall call, bool wait = false, Duration timeout = 10s);
  /// The same for many calls of one namespace, answered in their order.
  Result<StateAnswers> ask_state(StateBatch calls, bool wait = false, Duration timeout = 10s);

  /// Serves until SIGINT or SIGTERM; returns the exit code for main().
  int run();

 private:
  [[noreturn]] void stop_and_give_up(const std::string& why);
  Status serve_factory(const std::string& name, std::function<ServiceRunner()> make);
  Result<wire::FramePtr> call_frame(const std::string& name, wire::FramePtr params,
                                    Duration timeout, Idempotent idempotent);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace themis
