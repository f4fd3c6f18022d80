#pragma once
// The gateway of a node: HTTP in, function calls and management out, HTTP back.

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_response_promise.hpp>
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "actors/flows/flow_api.hpp"
#include "actors/gateway/admin_token.hpp"
#include "actors/gateway/function_caller.hpp"
#include "actors/gateway/gateway_socket.hpp"
#include "actors/gateway/log_poll.hpp"
#include "actors/gateway/metrics.hpp"
#include "actors/gateway/paths.hpp"
#include "actors/gateway/top_poll.hpp"
#include "actors/system/hosted_actor.hpp"
#include "runtime/http/server.hpp"

namespace themis {

/// What a gateway is given; everything outlives it.
struct GatewayOptions {
  net::Address listen;
  std::filesystem::path data;  ///< An existing folder; admin.token is kept there.
  ring::Contact self;
  caf::actor node;
  caf::actor functions;
  caf::actor workers;         ///< Empty: this node runs no functions itself.
  caf::actor state;           ///< Takes AskHome and ReportState; empty: none.
  caf::actor queues;          ///< Takes ReportQueues; empty: none.
  caf::actor flows;           ///< A FlowHub; empty: bodies travel whole.
  caf::actor fetcher;         ///< Takes CountFetches; empty: none.
  caf::actor oyster;          ///< Takes AskOyster; empty: /api/serverless is the gateway's own.
  caf::actor oyster_runner;   ///< Takes CountRuns; empty: this node runs no uploaded code.
  uint32_t wall_ms = 30'000;  ///< Of a function; a call waits a little longer.
  http::ServerLimits http;
  std::vector<RouteConfig> routes;
  Rng* rng = nullptr;  ///< For the token, traces and balancing. Null: the system's.
};

/// -> net::Address, the one it listens on.
struct GatewayAddress {};

/// Starts a gateway on `reactor` and listens. Reactor thread. Errors: io (the address is in use,
/// the token's file cannot be read or made), denied (others can read it), malformed (it is none).
Result<caf::actor> start_gateway_actor(Reactor& reactor, GatewayOptions options);

/// Pinned to the node's reactor, where its sockets are; made by start_gateway_actor. An exit
/// message makes it drain (answer what runs, at most ServerLimits::drain_timeout), then it ends.
class GatewayActor final : public PinnedActor, private http::Handler {
 public:
  /// A call may take the function's wall limit, and this for the way.
  static constexpr Duration kCallMargin = 2s;

  GatewayActor(caf::actor_config& config, GatewayOptions options);
  /// Once, before its first message. Errors: as start_gateway_actor.
  Status start();
  const char* name() const override { return "gateway"; }

 private:
  /// A request that waits for its answer.
  struct Pending {
    http::Responder responder;
    std::string what;  ///< Method and path, for the log.
    bool is_owner = false;
    std::string function = {};  ///< Which is called; empty: by its code only.
    TimePoint begun = {};
    FlowId upload = 0;  ///< Of the request's body, when it comes bit by bit.
    uint64_t uploaded_bytes = 0;
    caf::typed_response_promise<BodyPartMsg> taker = {};  ///< Waits for a bit of it while `poll`.
    net::TimerId poll = 0;
    bool awaits = false;                              ///< The connection was asked for one.
    std::optional<Result<http::BodyBit>> early = {};  ///< It came when nobody waited.
    FlowId download = 0;                              ///< Of the answer's body, of `node`.
    NodeId node = {};
    bool reading = false;                        ///< A part of it was asked for.
    std::unique_ptr<GatewaySocket> socket = {};  ///< The client asked for a WebSocket.
  };

  caf::behavior make_behavior() override;
  void on_exit() override;
  void drain(const caf::error& reason);

  bool takes_stream(const http::Request& request) const override;
  void on_request(http::Request&& request, http::Responder responder) override;
  void dispatch(uint64_t id, const Destination& to, http::Request& request);
  void call(uint64_t id, const Destination& to, const http::Request& request);
  void serverless(uint64_t id, const http::Request& request);
  void run(uint64_t id, const CallTarget& target, const http::Request& request,
           const std::string& path);
  void answered(uint64_t id, Result<FunctionCaller::Answer> answer);

  // bodies.cpp: what travels bit by bit.
  FlowId offer_body(uint64_t id);
  caf::result<BodyPartMsg> take_body(FlowId flow);
  void on_body(uint64_t id, Result<http::BodyBit> bit);
  void give_body(Pending& pending, Result<http::BodyBit> bit);
  void begin_answer(uint64_t id, const NodeId& node, Reply reply);
  void read_answer(uint64_t id);
  void on_part(uint64_t id, const Result<js::Part>& part);
  void release(Pending& pending);

  // sockets.cpp: WebSockets. The client's messages are taken as a body's parts are.
  void begin_socket(uint64_t id, const NodeId& node, Reply reply);
  void read_client(uint64_t id);
  void on_bytes(uint64_t id, const Result<http::BodyBit>& bit);
  void on_message(Pending& pending, const http::SocketMessage& message);
  void end_client(Pending& pending, uint16_t code, std::string_view reason, bool say);
  bool give_message(uint64_t id);
  void on_silence(uint64_t id);
  void read_function(uint64_t id);
  void on_function(uint64_t id, const Result<js::Part>& part);
  void end_socket(uint64_t id, uint16_t code, std::string_view reason);
  void deploy(uint64_t id, const std::string& name, http::Request& request);
  void answer_deployed(uint64_t id, const DeployedFunction& deployed);
  void refuse_deploy(uint64_t id, const caf::error& error);
  void list_versions(uint64_t id, const std::string& name);
  void end_canary(uint64_t id, const std::string& name, bool promote);
  void roll_back(uint64_t id, const std::string& name, std::string_view to);
  void measure(const Pending& pending, uint32_t cpu_us, bool failed);
  // top.cpp
  void show_top(uint64_t id);
  void find_instances(uint64_t id);
  void ask_use(uint64_t id);
  void ask_use(uint64_t id, const TopPoll::Question& question);
  void end_look(uint64_t id);
  // logs.cpp
  void read_logs(uint64_t id, const std::string& name, std::string_view query);
  void read_log(uint64_t id, const ring::Contact& instance);
  void add_log(uint64_t id);
  void answer_log(uint64_t id);
  void remove(uint64_t id, const std::string& name);
  void describe(uint64_t id, const std::string& name);
  void list(uint64_t id, std::string after);
  void find(uint64_t id, std::vector<std::string> names, size_t next);
  void store(uint64_t id, const http::Request& request);
  void ask_state(uint64_t id, const std::string& name_space, const http::Request& request);
  void show_ring(uint64_t id, bool only_nodes);
  void show_ready(uint64_t id);
  using WithOverview = std::function<void(const NodeOverview&)>;
  void overview(uint64_t id, WithOverview then);
  void add_workers(NodeOverview all, WithOverview then);
  void add_state(NodeOverview all, WithOverview then);
  void add_queues(NodeOverview all, WithOverview then);
  void add_oyster(NodeOverview all, WithOverview then);
  void add_oyster_runs(NodeOverview all, WithOverview then);
  void show_metrics(uint64_t id);
  void add_bodies(MetricsInput input, std::function<void(const MetricsInput&)> then);

  void respond(uint64_t id, http::Response response);
  void refuse(uint64_t id, const Error& error);
  void refuse(uint64_t id, int status, const std::string& detail);
  http::Response failure(const Pending& pending, int status, std::string_view detail,
                         std::string_view logged);
  std::function<void(const caf::error&)> refusing(uint64_t id);

  GatewayOptions options_;
  SystemRng system_rng_;
  Rng& rng_;
  TimePoint started_;
  std::optional<AdminToken> token_;
  std::optional<http::Server> server_;
  net::Address address_;
  FunctionCaller caller_;
  std::unordered_map<uint64_t, Pending> pending_;
  std::unordered_map<FlowId, uint64_t> uploads_;  ///< To pending_.
  SocketCounts sockets_;
  FunctionFigures figures_;
  std::unordered_map<uint64_t, TopPoll> tops_;   ///< By the request's id, as polls_.
  std::unordered_map<uint64_t, LogPoll> polls_;  ///< By the request's id, as pending_.
  uint64_t last_id_ = 0;
  bool draining_ = false;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::GatewayAddress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::net::Address)
