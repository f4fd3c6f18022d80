#pragma once
// The front that answers as Oyster Serverless does: code by a Host label or by JSON, run here or by
// another node of the mesh, its answer signed.

#include <caf/typed_response_promise.hpp>
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "actors/gateway/admin_token.hpp"
#include "actors/gateway/oyster_api.hpp"
#include "actors/oyster/code_runner.hpp"
#include "actors/oyster/code_sources.hpp"
#include "actors/oyster/front_book.hpp"
#include "actors/system/hosted_actor.hpp"
#include "runtime/config/config.hpp"
#include "runtime/http/server.hpp"
#include "runtime/oyster/bill.hpp"
#include "runtime/oyster/reply_signer.hpp"

namespace themis {

class Exports;

/// What a front is given; everything outlives it.
struct OysterOptions {
  OysterConfig config;  ///< `listen` is set.
  std::filesystem::path data;
  const crypto::SigningKey* identity = nullptr;  ///< The node's.
  NodeId self;
  caf::actor runner;  ///< The node's RunnerActor.
  caf::actor node;
  Exports* exports = nullptr;
  storage::Environment* environment = nullptr;
  std::vector<RouteConfig> routes;
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

/// Limits of every code that runs on a node: of [workers], but for CPU and time.
FunctionLimits limits_of_codes(const OysterConfig& config, FunctionLimits workers);

/// Starts a front on `reactor` and listens. Reactor thread. Errors: io (an address in use, a key or
/// token file), denied (others can read it), malformed (it is none; a damaged bill).
Result<caf::actor> start_oyster_actor(Reactor& reactor, OysterOptions options);

/// Pinned to the node's reactor; made by start_oyster_actor. Takes AskOyster and CountOyster, and
/// from peers FetchCode of a code that they are asked to run. With a billing listener no answer
/// leaves before its cost is on disk. An exit message makes it drain its connections, then it ends.
class OysterActor final : public PinnedActor, private http::Handler {
 public:
  /// Of the first generation, whatever timeout_ms says.
  static constexpr Duration kFirstTimeout = 30s;
  /// Requests without an answer: as many as the listener takes connections. How many codes run is
  /// for the nodes to say.
  static constexpr size_t kPendingMax = 1024;

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
    std::unordered_map<uint64_t, http::Responder> claims_;  ///< As many as connections.
    uint64_t last_claim_ = 0;
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
    std::optional<uint64_t> run = {};           ///< It runs.
    std::optional<oyster::Answer> answer = {};  ///< Waits for the disk.
  };

  caf::behavior make_behavior() override;
  void on_exit() override;
  void drain(const caf::error& reason);

  void on_request(http::Request&& request, http::Responder responder) override;
  void by_label(Pending pending);
  void by_json(Pending pending);
  bool manage(Pending& pending, std::string_view word, std::string said);
  void set_unregistered(Pending pending, bool is_unregistered, std::string said);
  caf::result<CodeBlobMsg> lend(const FetchCodeMsg& message) const;
  void begin(Pending pending, ByteView transaction, const std::string& code_id);
  void found(uint64_t id, const FoundRunnable& code);
  void run(uint64_t id, const RunnablePtr& code);
  void answered(uint64_t id, Result<http::Response> result);
  void timed_out(uint64_t id);
  /// What it cost; nothing: nobody is billed.
  std::optional<uint64_t> cost(const Pending& pending) const;
  void gone(uint64_t id);
  void written(uint64_t id, const Status& kept);
  void end(uint64_t id, oyster::Answer answer);
  void reply(Pending& pending, oyster::Answer answer);

  OysterOptions options_;
  SystemRng system_rng_;
  Rng& rng_;
  CodeSources sources_;
  CodeRunner runner_;
  FrontBook book_{*this};
  Billing billing_{*this};
  std::optional<crypto::RecoverableKey> key_;
  std::optional<AdminToken> token_;
  std::optional<http::Server> server_;
  std::optional<http::Server> billing_server_;
  std::unordered_map<uint64_t, Pending> pending_;  ///< At most kPendingMax.
  std::array<uint64_t, oyster::kOutcomes> outcomes_{};
  uint64_t last_id_ = 0;
  bool draining_ = false;  ///< The node ends.
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::OysterAddress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::OysterAddresses)
