#pragma once
// The front that answers as Oyster Serverless does: code by a Host label or by JSON, run by this
// node's workers, its answer signed.

#include <caf/typed_response_promise.hpp>
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "actors/gateway/admin_token.hpp"
#include "actors/gateway/oyster_api.hpp"
#include "actors/oyster/code_runner.hpp"
#include "actors/system/hosted_actor.hpp"
#include "runtime/config/config.hpp"
#include "runtime/http/server.hpp"
#include "runtime/oyster/bill.hpp"
#include "runtime/oyster/reply_signer.hpp"

namespace themis {

/// What a front is given; everything outlives it.
struct OysterOptions {
  OysterConfig config;  ///< `listen` is set.
  std::filesystem::path data;
  const crypto::SigningKey* identity = nullptr;  ///< The node's.
  FunctionLimits limits;                         ///< Of [workers]; CPU and time are the config's.
  bool alone = false;
  caf::actor workers;
  caf::actor functions;  ///< Empty: this node keeps no code.
  caf::actor fetcher;    ///< May reach any address.
  caf::actor flows;
  const Clock* clock = nullptr;  ///< Of the signatures.
  Rng* rng = nullptr;
};

/// -> net::Address: where it listens, and where bills are claimed (port 0: nowhere).
struct OysterAddress {};
struct OysterAddresses {
  net::Address front;
  net::Address billing;
};

/// Starts a front on `reactor` and listens. Reactor thread. Errors: io (an address in use, a key or
/// token file), denied (others can read it), malformed (it is none).
Result<caf::actor> start_oyster_actor(Reactor& reactor, OysterOptions options);

/// Pinned to the node's reactor; made by start_oyster_actor. Takes AskOyster and CountOyster. An
/// exit message makes it drain its connections, then it ends.
class OysterActor final : public PinnedActor, private http::Handler {
 public:
  /// Of the first generation, whatever timeout_ms says.
  static constexpr Duration kFirstTimeout = 30s;

  OysterActor(caf::actor_config& config, OysterOptions options);
  /// Once, before its first message. Errors: as start_oyster_actor.
  Status start();
  const char* name() const override { return "oyster"; }

 private:
  /// Answers the billing listener.
  class Billing final : public http::Handler {
   public:
    explicit Billing(OysterActor& front) : front_(front) {}
    void on_request(http::Request&& request, http::Responder responder) override;

   private:
    OysterActor& front_;
  };
  using Asker = caf::typed_response_promise<http::Response>;
  /// A request that has its place, until it is answered.
  struct Pending {
    http::Responder responder;
    std::optional<Asker> asker = {};  ///< Of a request that came by the gateway.
    http::Request request = {};
    std::string host = {};
    std::string input = {};  ///< The body that code of the first generation gets.
    bool is_first = false;   ///< Of the first generation: it is answered in JSON.
    bool is_stored = false;  ///< Its code goes by an id, not by a transaction.
    std::optional<oyster::Bill::Hash> transaction = {};
    TimePoint began = {};  ///< When its code did.
    net::TimerId timer = 0;
    std::optional<InvokeMsg> invoke = {};  ///< It runs.
  };

  caf::behavior make_behavior() override;
  void on_exit() override;
  void drain(const caf::error& reason);

  void on_request(http::Request&& request, http::Responder responder) override;
  void by_label(Pending pending);
  void by_json(Pending pending);
  bool manage(Pending& pending, std::string_view word, std::string said);
  void begin(Pending pending, ByteView transaction, const std::string& code_id);
  void found(uint64_t id, const FoundRunnable& code);
  void run(uint64_t id, const RunnablePtr& code);
  void answered(uint64_t id, Result<http::Response> result);
  void timed_out(uint64_t id);
  void charge(const Pending& pending);
  void end(uint64_t id, oyster::Answer answer);
  void reply(Pending& pending, oyster::Answer answer);

  OysterOptions options_;
  SystemRng system_rng_;
  Rng& rng_;
  CodeSources sources_;
  CodeRunner runner_;
  oyster::Bill bill_;
  Billing billing_{*this};
  std::optional<crypto::RecoverableKey> key_;
  std::optional<AdminToken> token_;
  std::optional<http::Server> server_;
  std::optional<http::Server> billing_server_;
  std::unordered_map<uint64_t, Pending> pending_;  ///< At most config.capacity.
  std::array<uint64_t, oyster::kOutcomes> outcomes_{};
  uint64_t last_id_ = 0;
  bool unregistered_ = false;  ///< An operator said so.
  bool draining_ = false;      ///< The node ends.
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::OysterAddress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::OysterAddresses)
