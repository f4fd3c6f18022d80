#include "actors/placement/placement.hpp"

#include <caf/all.hpp>
#include <deque>
#include <filesystem>

#include "actors/placement/spawner.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/owed.hpp"

namespace themis {
namespace {

/// So many may wait for a process that starts.
constexpr size_t kWaitingMax = 1024;
/// How long starting one actor inside may take.
constexpr Duration kSpawnMax = 30s;
/// The threads of a native enclave process are seven; room for what its actors start.
constexpr uint32_t kThreadsMax = 64;

/// The parent's actor for one enclave process.
class EnclaveProcess final : public PinnedActor {
 public:
  EnclaveProcess(caf::actor_config& config, ProcessHome home, PlaceOptions options)
      : PinnedActor(config), home_(home), options_(std::move(options)) {}
  const char* name() const override { return "enclave-process"; }
  void on_exit() override {
    const Error ended{Code::unavailable, options_.name + " ended before it answered"};
    for (Waiting& waiting : std::exchange(waiting_, {})) waiting.promise.deliver(to_caf(ended));
    spawning_.refuse_all(ended);
    root_ = nullptr;
    process_.reset();
    shared_ = nullptr;
  }

 private:
  struct Waiting {
    SpawnActor ask;
    caf::response_promise promise;
  };

  caf::behavior make_behavior() override {
    set_default_handlers(*this);
    if (const Status started = start(); !started) {
      quit(to_caf(started.error()));
      return {};
    }
    // Its root started anew inside is another actor: this process could start nothing any more.
    set_down_handler([this](const caf::down_msg& down) {
      if (root_ && down.source == root_.address() && process_->alive())
        process_->kill({Code::internal, options_.name + ": its root actor ended"});
    });
    set_exit_handler([this](caf::exit_msg& exit) {
      asked_to_end_ = exit.reason;
      process_->stop();
    });
    return {[this](const SpawnActor& ask) { return spawn_inside(ask); },
            [this](PlacePid) { return process_->pid(); },
            [this](PlaceMemory) { return SharedWith{shared_}; }, [this](ProcessUp) { on_up(); },
            [this](const ProcessEnded& ended) { on_ended(ended.why); }};
  }

  Status start() {
    sandbox::LaunchOptions launch;
    launch.argv = {options_.program.empty() ? executable_directory() + "/themis-enclave"
                                            : options_.program};
    if (options_.shared_bytes > 0) {
      THEMIS_TRY(shared_, sandbox::SharedMemory::create(options_.shared_bytes));
      launch.shared = shared_;
    }
    launch.limits = {.memory_bytes = options_.memory_bytes, .processes = kThreadsMax};
    THEMIS_TRY(process_, ChildProcess::start(home_, options_.name, std::move(launch), this));
    root_ = process_->proxy(Exports::target_of("root"));
    monitor(root_);
    return {};
  }

  caf::result<caf::actor> spawn_inside(const SpawnActor& ask) {
    if (!up_ && waiting_.size() >= kWaitingMax)
      return to_caf({Code::overloaded, options_.name + " is starting and too many wait for it"});
    auto promise = make_response_promise();
    if (up_) {
      send_spawn(ask, promise);
    } else {
      waiting_.push_back({ask, promise});
    }
    return caf::delegated<caf::actor>{};
  }

  void send_spawn(const SpawnActor& ask, caf::response_promise promise) {
    const uint64_t owed = spawning_.add(std::move(promise));
    wire::Builder<schema::Spawn> message(16 + (ask.kind.size() + ask.name.size()) / 8);
    message->setKind(wire::to_text(ask.kind));
    message->setName(wire::to_text(ask.name));
    request(root_, caf::infinite, message.finish(home_.loop->now() + kSpawnMax))
        .then(
            [this, owed](const wire::Msg<schema::Spawned>& answer) {
              caf::response_promise asked = spawning_.take(owed);
              const auto target = wire::decode(
                  answer, [](const schema::Spawned::Reader& spawned) -> Result<wire::Target> {
                    return spawned.getActor();
                  });
              if (!target) return asked.deliver(to_caf(target.error()));
              asked.deliver(process_->proxy(*target));
            },
            [this, owed](const caf::error& error) { spawning_.take(owed).deliver(error); });
  }

  void on_up() {
    up_ = true;
    for (Waiting& waiting : std::exchange(waiting_, {})) send_spawn(waiting.ask, waiting.promise);
  }

  void on_ended(const Error& why) {
    for (Waiting& waiting : std::exchange(waiting_, {})) waiting.promise.deliver(to_caf(why));
    quit(asked_to_end_ ? *asked_to_end_ : to_caf(why));
  }

  const ProcessHome home_;
  const PlaceOptions options_;
  sandbox::SharedMemoryPtr shared_;
  std::unique_ptr<ChildProcess> process_;
  caf::actor root_;
  std::deque<Waiting> waiting_;
  Owed spawning_;
  std::optional<caf::error> asked_to_end_;
  bool up_ = false;
};

}  // namespace

std::string executable_directory() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "." : self.parent_path().string();
}

caf::actor spawn_place(const ProcessHome& home, const PlaceOptions& options) {
  if (options.place == Place::local)
    return spawn_pinned<Spawner>(*home.reactor, options.kinds, nullptr);
  return spawn_pinned<EnclaveProcess>(*home.reactor, home, options);
}

ChildSpec place_child(const ProcessHome& home, PlaceOptions options) {
  std::string id = options.name;
  return {std::move(id),
          [home, options = std::move(options)](caf::event_based_actor*) -> Result<caf::actor> {
            return spawn_place(home, options);
          }};
}

}  // namespace themis
