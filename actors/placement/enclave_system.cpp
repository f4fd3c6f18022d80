#include "actors/placement/enclave_system.hpp"

#include <fcntl.h>
#include <signal.h>

#include <caf/all.hpp>
#include <cstdlib>

#include "actors/placement/child_process.hpp"
#include "actors/system/supervisor.hpp"
#include "enclave/sandbox/launch.hpp"
#include "runtime/base/log.hpp"
#include "runtime/crypto/crypto.hpp"

namespace themis {
namespace {

constexpr std::string_view kComponent = "enclave";
/// How long the actors inside may take to end once the parent is gone.
constexpr Duration kLeaveMax = 2s;
/// A root actor that fails more often is not healed by starting it again; the parent decides.
constexpr uint32_t kRootRestartsMax = 3;

Result<NodeId> parent_identity() {
  const char* told = std::getenv(kParentVariable.data());
  if (told == nullptr)
    return fail(Code::invalid, "this program is started by a node, never by hand");
  return NodeId::from_hex(told);
}

class EnclaveSystemImpl final : public EnclaveSystem, private SessionOwner {
 public:
  explicit EnclaveSystemImpl(const EnclaveOptions& options)
      : options_(options),
        identity_(wire::Identity::generate(kEnclaveNetwork, rng_)),
        reactor_(system_.caf(), loop_) {
    reactor_.bind_to_this_thread();
    handshake_.self = &identity_;
  }

  Reactor& reactor() override { return reactor_; }
  Exports& exports() override { return exports_; }
  Rng& rng() override { return rng_; }
  caf::actor parent(std::string_view name) override {
    return session_->proxy(Exports::target_of(name));
  }

  Status run() {
    THEMIS_TRY(const NodeId parent, parent_identity());
    if (options_.prepare) THEMIS_CHECK(options_.prepare());
    // The parent's end was made non-blocking by whoever launched us; ours is our own to set.
    if (::fcntl(sandbox::kChannelFd, F_SETFL, O_NONBLOCK) != 0)
      return fail(Code::io, "there is no channel to a parent");
    THEMIS_TRY(const auto confinement, sandbox::confine_self(options_.profile, options_.refusal));
    log::debug(kComponent, "confined: {}", confinement.text());
    start_supervisor();
    const SessionContext context{.handshake = &handshake_,
                                 .rng = &rng_,
                                 .types = &system_.types(),
                                 .exports = &exports_,
                                 .owner = this,
                                 .peer_may_end_actors = true};
    session_ =
        spawn_hosted<SessionActor>(reactor_, context, ChildProcess::session_times(), false, parent);
    session_->attach(loop_.adopt(sandbox::kChannelFd, session_->stream_handler()));
    loop_.run();
    if (gave_up_) return fail(Code::unavailable, "the root actor cannot be kept up");
    return {};
  }

 private:
  Status on_session_open(SessionActor&) override { return {}; }
  void on_session_closed(SessionActor&, const Error& why) override {
    log::debug(kComponent, "the channel closed: {}", why.text());
    leaving_ = true;
    caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
    loop_.after(kLeaveMax, [this] { loop_.stop(); });
  }

  void start_supervisor() {
    SupervisorSpec spec;
    spec.options.name = "root";
    spec.options.max_restarts = kRootRestartsMax;
    spec.children.push_back({options_.root, [this](caf::event_based_actor*) -> Result<caf::actor> {
                               THEMIS_TRY(caf::actor root, options_.start_root(*this));
                               exports_.add(options_.root,
                                            caf::actor_cast<caf::strong_actor_ptr>(root));
                               return root;
                             }});
    supervisor_ = spawn_pinned<SupervisorActor<PinnedActor>>(reactor_, std::move(spec));
    caf::actor_cast<caf::abstract_actor*>(supervisor_)->attach_functor([this](const caf::error&) {
      gave_up_ = !leaving_;
      loop_.stop();
    });
  }

  const EnclaveOptions& options_;
  SystemRng rng_;
  const wire::Identity identity_;
  wire::HandshakeConfig handshake_;
  System system_;
  net::EpollLoop loop_;
  Reactor reactor_;
  Exports exports_;
  HostedPtr<SessionActor> session_;
  caf::actor supervisor_;
  bool leaving_ = false;
  bool gave_up_ = false;
};

}  // namespace

void run_enclave(const EnclaveOptions& options) {
  // The parent closes our output once we wrote too much; that is no reason to end.
  ::signal(SIGPIPE, SIG_IGN);
  log::setup(log::Level::warn, log::Format::text);
  crypto::init();
  EnclaveSystemImpl enclave(options);
  const Status status = enclave.run();
  if (!status) log::error(kComponent, "{}", status.error().text());
  // All this process held was for its parent, which is gone: nothing is worth an orderly teardown.
  std::_Exit(status ? 0 : 1);
}

}  // namespace themis
