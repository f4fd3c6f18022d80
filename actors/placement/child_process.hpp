#pragma once
// One enclave process as its parent sees it: launched, joined by a sealed session, watched to its
// end.

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <memory>
#include <string>

#include "actors/peer/session_actor.hpp"
#include "enclave/sandbox/launch.hpp"
#include "runtime/net/epoll_loop.hpp"

namespace themis {

/// What the processes of one node share; all of it outlives them.
struct ProcessHome {
  Reactor* reactor = nullptr;
  net::EpollLoop* loop = nullptr;  ///< The reactor's.
  const MessageTypes* types = nullptr;
  Rng* rng = nullptr;
};

// What a ChildProcess tells its owner, in this order.

/// The session is open: the program is ready.
struct ProcessUp {};
/// The process is gone, its proxies have ended and its requests are answered. Once, always.
struct ProcessEnded {
  Error why;
};

/// The variable that tells a child which identity its parent proves: hexadecimal NodeId.
inline constexpr std::string_view kParentVariable = "THEMIS_PARENT";
/// The network name of parent and child. Both identities are made for this one channel and never
/// stored: a child that is taken over learns no key of its node.
inline constexpr std::string_view kEnclaveNetwork = "enclave";

/// Owned by the actor it reports to. Reactor thread only: launch() binds the child's life to the
/// calling thread.
///
/// The parent accepts whoever answers: it made the socket pair itself, and nobody but the child it
/// started could get hold of the other end. The child, which others may have started, requires the
/// identity of kParentVariable.
class ChildProcess final : private SessionOwner {
 public:
  /// From launch to an open session; an idle machine needs 50 ms.
  static constexpr Duration kStartMax = 15s;
  /// How long stop() waits before it kills.
  static constexpr Duration kStopMax = 3s;
  /// What a process may write to stdout and stderr before the rest is dropped: a fault's last
  /// words.
  static constexpr size_t kOutputBytesMax = 64 * 1024;
  static constexpr size_t kOutputLineMax = 1024;

  /// For both ends. The kernel tells either at once when the other is gone, so silence means
  /// nothing, and whoever asks sets a deadline or watches over its requests.
  static SessionTimes session_times();

  /// Launches `options` with its output piped into the log under `name`. `owner` gets the messages
  /// above. Errors: those of sandbox::launch.
  static Result<std::unique_ptr<ChildProcess>> start(const ProcessHome& home, std::string name,
                                                     sandbox::LaunchOptions options,
                                                     const caf::actor& owner);
  /// For start(), which opens the session.
  ChildProcess(const ProcessHome& home, std::string name, sandbox::Process process,
               wire::Identity identity, const caf::actor& owner);
  /// Kills the process and waits for its end.
  ~ChildProcess() override;

  /// What the child may address here. Empty until the owner adds to it.
  Exports& exports() { return exports_; }
  /// Stands for an actor inside. Before ProcessUp what it is sent waits for the session.
  caf::actor proxy(wire::Target target) { return session_->proxy(target); }
  /// SIGKILL; ProcessEnded with `why` follows. The first reason counts.
  void kill(Error why);
  /// Closes the session, so that the child shuts down by itself; ProcessEnded follows.
  void stop();

  /// False once it is known to end: its session closed, it exited, kill() or stop() was called.
  /// What is sent to it then is lost; ProcessEnded follows.
  bool alive() const { return !closed_ && !exited_ && !why_; }
  uint32_t pid() const { return static_cast<uint32_t>(process_.pid()); }
  const sandbox::Confinement& confinement() const { return process_.confinement(); }

 private:
  Status on_session_open(SessionActor& session) override;
  void on_session_closed(SessionActor& session, const Error& why) override;
  void open_session();
  void on_exit();
  void on_output() { read_output(); }
  bool read_output();
  void log_line(std::string_view line);
  void end_if_over();
  void tell(caf::message message);

  const ProcessHome home_;
  const std::string name_;
  const caf::actor_addr owner_;
  const wire::Identity identity_;
  wire::HandshakeConfig handshake_;
  Exports exports_;
  sandbox::Process process_;
  std::unique_ptr<net::Watch> exit_watch_;
  std::unique_ptr<net::Watch> output_watch_;
  HostedPtr<SessionActor> session_;
  net::TimerId stop_timer_ = 0;
  std::optional<Error> why_;
  std::string output_line_;
  size_t output_bytes_ = 0;
  bool stopping_ = false;
  bool exited_ = false;
  bool closed_ = false;
  bool destroying_ = false;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ProcessUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ProcessEnded)
