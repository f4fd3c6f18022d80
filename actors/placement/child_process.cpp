#include "actors/placement/child_process.hpp"

#include <unistd.h>

#include <caf/all.hpp>

#include "runtime/base/log.hpp"

namespace themis {
namespace {

constexpr std::string_view kComponent = "placement";

}  // namespace

SessionTimes ChildProcess::session_times() {
  SessionTimes times;
  times.handshake = kStartMax;
  times.ping_after = 0s;
  times.dead_after = 0s;
  times.idle_close = 0s;
  times.request = 0s;
  return times;
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const ProcessHome& home, std::string name,
                                                          sandbox::LaunchOptions options,
                                                          const caf::actor& owner) {
  wire::Identity identity = wire::Identity::generate(kEnclaveNetwork, *home.rng);
  options.environment.push_back(std::string(kParentVariable) + "=" + identity.id().hex());
  options.output = sandbox::Output::pipe;
  THEMIS_TRY(sandbox::Process process, sandbox::launch(options));
  auto child = std::make_unique<ChildProcess>(home, std::move(name), std::move(process),
                                              std::move(identity), owner);
  child->open_session();
  return child;
}

ChildProcess::ChildProcess(const ProcessHome& home, std::string name, sandbox::Process process,
                           wire::Identity identity, const caf::actor& owner)
    : home_(home),
      name_(std::move(name)),
      owner_(owner.address()),
      identity_(std::move(identity)),
      process_(std::move(process)) {
  handshake_.self = &identity_;
  exit_watch_ = home_.loop->watch(process_.pid_fd(), [this] { on_exit(); });
  output_watch_ = home_.loop->watch(process_.output_fd(), [this] { on_output(); });
}

ChildProcess::~ChildProcess() {
  destroying_ = true;
  home_.loop->cancel(stop_timer_);
  if (session_) session_->close({Code::unavailable, name_ + " was dropped"});
}

void ChildProcess::open_session() {
  const SessionContext context{.handshake = &handshake_,
                               .rng = home_.rng,
                               .types = home_.types,
                               .exports = &exports_,
                               .owner = this};
  session_ =
      spawn_hosted<SessionActor>(*home_.reactor, context, session_times(), true, std::nullopt);
  session_->attach(home_.loop->adopt(process_.take_channel(), session_->stream_handler()));
}

Status ChildProcess::on_session_open(SessionActor&) {
  tell(caf::make_message(ProcessUp{}));
  return {};
}

void ChildProcess::on_session_closed(SessionActor&, const Error& why) {
  if (destroying_) return;
  closed_ = true;
  // Without its session the process is of no use, and what it does is out of sight.
  if (!stopping_) kill({why.code, name_ + ": " + why.detail});
  end_if_over();
}

void ChildProcess::kill(Error why) {
  if (!why_ && !exited_) why_ = std::move(why);
  process_.kill();
}

void ChildProcess::stop() {
  if (std::exchange(stopping_, true)) return;
  if (!why_) why_ = Error{Code::cancelled, name_ + " was stopped"};
  stop_timer_ = home_.loop->after(kStopMax, [this] { process_.kill(); });
  session_->finish();
}

void ChildProcess::on_exit() {
  const std::optional<sandbox::Exit> exit = process_.poll_exit();
  if (!exit) return;
  exited_ = true;
  exit_watch_.reset();
  // Its last words: kOutputBytesMax bounds them.
  while (read_output()) {
  }
  if (!output_line_.empty()) log_line(std::exchange(output_line_, {}));
  // The session's own end ("closed by the peer") says less than how the process ended.
  if (!why_ || why_->code == Code::unavailable)
    why_ = Error{Code::unavailable, name_ + ": " + exit->text()};
  end_if_over();
}

void ChildProcess::end_if_over() {
  // The socket is read to its end first: answers may still be in it.
  if (!exited_ || !closed_) return;
  tell(caf::make_message(ProcessEnded{*why_}));
}

/// One read. False when there is nothing to read yet, or at the end.
bool ChildProcess::read_output() {
  if (output_watch_ == nullptr) return false;
  char buffer[4096];
  const ssize_t length = ::read(process_.output_fd(), buffer, sizeof buffer);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return errno == EINTR;
  if (length <= 0) {
    if (!output_line_.empty()) log_line(std::exchange(output_line_, {}));
    output_watch_.reset();
    return false;
  }
  output_bytes_ += static_cast<size_t>(length);
  for (const char c : std::string_view(buffer, static_cast<size_t>(length))) {
    if (c != '\n') output_line_ += c;
    if (c != '\n' && output_line_.size() < kOutputLineMax) continue;
    log_line(std::exchange(output_line_, {}));
  }
  if (output_bytes_ < kOutputBytesMax) return true;
  log::warn(kComponent, "{} writes too much: the rest is dropped", name_);
  output_watch_.reset();
  process_.close_output();
  return false;
}

void ChildProcess::log_line(std::string_view line) {
  log::warn(kComponent, "{} writes: {}", name_, line);
}

void ChildProcess::tell(caf::message message) {
  if (const auto owner = caf::actor_cast<caf::strong_actor_ptr>(owner_))
    owner->enqueue(nullptr, caf::make_message_id(), std::move(message), home_.reactor);
}

}  // namespace themis
