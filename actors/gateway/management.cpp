// The gateway's management routes: functions, the ring, the node itself.

#include <algorithm>
#include <caf/all.hpp>
#include <charconv>

#include "actors/gateway/gateway_actor.hpp"
#include "actors/monitor/monitor_codec.hpp"
#include "actors/ring/listing.hpp"
#include "actors/services/function_context.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/http/json.hpp"

namespace themis {
namespace {

using http::Response;

bool has_type(const http::Request& request, std::initializer_list<std::string_view> types) {
  const std::string* type = request.headers.find("Content-Type");
  if (type == nullptr) return false;
  const std::string_view name = std::string_view(*type).substr(0, type->find(';'));
  return std::ranges::any_of(
      types, [name](std::string_view one) { return http::equal_ignoring_case(name, one); });
}

constexpr std::string_view kBundleContentType = "application/vnd.themis.bundle";

/// The body of PUT: a JavaScript module, or a WebAssembly module or a bundle that says so; nothing
/// when it is one of them. Without a type the bytes decide.
std::optional<std::string> wrong_kind(const http::Request& request) {
  if (request.headers.find("Content-Type") == nullptr) return std::nullopt;
  const bool is_wasm = bundle::is_wasm(as_bytes(request.body));
  const bool says_wasm = has_type(request, {"application/wasm"});
  if (is_wasm && !says_wasm)
    return "the body is a Wasm module: send it as Content-Type: application/wasm";
  if (!is_wasm && says_wasm) return "the body is no Wasm module";
  if (is_wasm || has_type(request, {"text/javascript", "application/javascript"}))
    return std::nullopt;
  if (has_type(request, {kBundleContentType})) {
    if (bundle::is_bundle(as_bytes(request.body))) return std::nullopt;
    return "the body is no bundle";
  }
  return "send a module as Content-Type: text/javascript or application/wasm, a bundle as " +
         std::string(kBundleContentType);
}

/// "?instances=N". Errors: invalid.
Result<uint32_t> instances_of(std::string_view query) {
  const std::string_view text = query_value(query, "instances");
  if (text.empty()) return kInstancesDefault;
  uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), count);
  if (error != std::errc{} || end != text.end() || count == 0 || count > kInstancesMax)
    return fail(Code::invalid, "instances is a number from 1 to " + std::to_string(kInstancesMax));
  return count;
}

/// Of a query. Errors: invalid.
Result<uint32_t> positive_number(std::string_view text, const char* what) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  if (error != std::errc{} || end != text.end() || number == 0)
    return fail(Code::invalid, std::string(what) + " is a number from 1 on: " + std::string(text));
  return number;
}

/// The code that is deployed, and the key of its secrets: those of a bundle are sealed here, before
/// anything keeps or sends them. Errors: malformed, invalid, too_large.
Result<DeployFunction> order_of(const std::string& name, const http::Request& request, Rng& rng) {
  THEMIS_TRY(const uint32_t instances, instances_of(request.query()));
  DeployFunction order{name, std::make_shared<const Bytes>(to_bytes(request.body)), instances};
  if (const std::string_view share = query_value(request.query(), "canary"); !share.empty()) {
    THEMIS_TRY(order.canary.percent, positive_number(share, "canary"));
  }
  if (const std::string sticky(query_value(request.query(), "sticky")); !sticky.empty()) {
    THEMIS_TRY(order.canary.sticky, mesh::Sticky::parse(sticky));
  }
  if (!bundle::is_bundle(*order.source)) return order;
  THEMIS_TRY(bundle::Bundle code, bundle::decode(*order.source));
  if (code.settings.secrets.empty()) return order;
  order.key = bundle::SharedKey(bundle::SecretsKey(rng));
  bundle::seal_secrets(code.settings, *order.key.get());
  THEMIS_TRY(Bytes sealed, bundle::encode(code));
  order.source = std::make_shared<const Bytes>(std::move(sealed));
  return order;
}

/// Names that services announce by themselves.
bool is_reserved(std::string_view name) {
  return name.starts_with("fn/") || name.starts_with("code/") || name.starts_with("service/") ||
         name.starts_with("queue/") || ring::is_listing(name);
}

/// Routes shown and measured one by one: enough for a dashboard, bounded for who scrapes it.
constexpr size_t kRoutesReportedMax = 50;

}  // namespace

void GatewayActor::deploy(uint64_t id, const std::string& name, http::Request& request) {
  if (auto wrong = wrong_kind(request)) return refuse(id, 415, *std::move(wrong));
  const Result<DeployFunction> order = order_of(name, request, rng_);
  if (!order) return refuse(id, order.error());
  this->request(options_.functions, caf::infinite, *order)
      .then([this, id](const DeployedFunction& deployed) { answer_deployed(id, deployed); },
            [this, id](const caf::error& error) { refuse_deploy(id, error); });
}

void GatewayActor::answer_deployed(uint64_t id, const DeployedFunction& deployed) {
  caller_.routes().forget(ring_name_of_function(deployed.name));
  Response response = Response::json(201, deployed_json(deployed));
  response.headers.add("Location", "/v1/functions/" + deployed.name);
  respond(id, std::move(response));
}

void GatewayActor::refuse_deploy(uint64_t id, const caf::error& error) {
  const Error why = from_caf(error);
  // At deployment it is the source that is wrong, not the server.
  if (why.code == Code::threw) return refuse(id, 400, why.detail);
  refuse(id, why);
}

void GatewayActor::list_versions(uint64_t id, const std::string& name) {
  request(options_.functions, caf::infinite, ListVersions{name})
      .then([this,
             id](const VersionList& all) { respond(id, Response::json(200, versions_json(all))); },
            refusing(id));
}

void GatewayActor::end_canary(uint64_t id, const std::string& name, bool promote) {
  request(options_.functions, caf::infinite, EndCanary{name, promote})
      .then([this, id](const DeployedFunction& deployed) { answer_deployed(id, deployed); },
            [this, id](const caf::error& error) { refuse_deploy(id, error); });
}

void GatewayActor::roll_back(uint64_t id, const std::string& name, std::string_view to) {
  RollBack order{name};
  if (!to.empty()) {
    const auto number = positive_number(to, "to");
    if (!number) return refuse(id, number.error());
    order.to = *number;
  }
  request(options_.functions, caf::infinite, order)
      .then([this, id](const DeployedFunction& deployed) { answer_deployed(id, deployed); },
            [this, id](const caf::error& error) { refuse_deploy(id, error); });
}

void GatewayActor::remove(uint64_t id, const std::string& name) {
  when_done(
      request(options_.functions, caf::infinite, RemoveFunction{name}),
      [this, id, name] {
        caller_.routes().forget(ring_name_of_function(name));
        respond(id, Response{204, {}, {}});
      },
      refusing(id));
}

void GatewayActor::describe(uint64_t id, const std::string& name) {
  request(options_.functions, caf::infinite, DescribeFunction{name})
      .then(
          [this, id](const FunctionReport& report) {
            respond(id, Response::json(200, function_json(report)));
          },
          refusing(id));
}

void GatewayActor::list(uint64_t id, std::string after) {
  request(options_.functions, caf::infinite, ListFunctions{std::move(after)})
      .then([this, id](
                const FunctionList& all) { respond(id, Response::json(200, functions_json(all))); },
            refusing(id));
}

/// The name as given, then as a function's and as a service's.
void GatewayActor::find(uint64_t id, std::vector<std::string> names, size_t next) {
  const std::string name = names[next];
  request(options_.node, caf::infinite, FindName{name})
      .then(
          [this, id, name](const ring::Records& records) {
            respond(id, Response::json(200, records_json(name, records)));
          },
          [this, id, names, next](const caf::error& error) {
            const Error why = from_caf(error);
            const bool is_last = next + 1 == names.size();
            if (why.code == Code::not_found && !is_last) return find(id, names, next + 1);
            if (why.code != Code::not_found) return refuse(id, why);
            refuse(id, {Code::not_found, "nobody provides \"" + names.front() + "\""});
          });
}

void GatewayActor::store(uint64_t id, const http::Request& body_of) {
  const auto body = http::parse_json(body_of.body);
  if (!body) return refuse(id, {Code::malformed, "the body is not JSON: " + body.error().detail});
  const bool is_complete = body->is_object() && body->contains("name") &&
                           body->at("name").is_string() && body->contains("payload") &&
                           body->at("payload").is_string();
  if (!is_complete)
    return refuse(id, {Code::malformed, "the body is {\"name\": text, \"payload\": text}"});
  const std::string name = http::string_or(*body, "name", "");
  if (is_reserved(name))
    return refuse(id, {Code::invalid, "functions and services announce themselves"});
  const ProvideName provide{name, to_bytes(http::string_or(*body, "payload", ""))};
  when_done(
      request(options_.node, caf::infinite, provide),
      [this, id, name] {
        respond(id, Response::json(201, http::to_text({{"name", name}})));
      },
      refusing(id));
}

/// The body is judged where the namespace is kept.
void GatewayActor::ask_state(uint64_t id, const std::string& name_space,
                             const http::Request& body_of) {
  if (!options_.state) return refuse(id, {Code::not_found, "this node keeps no state"});
  if (body_of.body.size() > kStateAskBytesMax)
    return refuse(id, {Code::too_large, "a call of the state has at most " +
                                            std::to_string(kStateAskBytesMax) + " bytes"});
  request(options_.state, caf::infinite, AskHome{encode_ask(name_space, body_of.body)})
      .then(
          [this, id](const StateAnsweredMsg& message) {
            Result<std::string> answer = decode_answered(message);
            if (!answer) return refuse(id, answer.error());
            respond(id, Response::json(200, std::move(*answer)));
          },
          refusing(id));
}

void GatewayActor::show_ring(uint64_t id, bool only_nodes) {
  request(options_.node, caf::infinite, ReportNode{})
      .then(
          [this, id, only_nodes](const NodeReport& node) {
            respond(id, Response::json(200, only_nodes ? nodes_json(node) : ring_json(node)));
          },
          refusing(id));
}

/// Asks the node, the function service, the workers and the state, one after the other.
void GatewayActor::overview(uint64_t id, WithOverview then) {
  const auto with_node = [this, id, then](const NodeReport& node) {
    const auto with_counts = [this, node, then](const FunctionCounts& counts) {
      NodeOverview all;
      all.node = node;
      all.functions = counts;
      all.routes = caller_.routes().table().report(kRoutesReportedMax, reactor_.loop().now());
      all.uptime = reactor_.loop().now() - started_;
      all.version = THEMIS_VERSION;
      all.dead_letters = dead_letters().counts().total();
      add_workers(std::move(all), then);
    };
    request(options_.functions, caf::infinite, CountFunctions{}).then(with_counts, refusing(id));
  };
  request(options_.node, caf::infinite, ReportNode{}).then(with_node, refusing(id));
}

void GatewayActor::add_workers(NodeOverview all, WithOverview then) {
  if (!options_.workers) return add_state(std::move(all), std::move(then));
  all.has_workers = true;
  request(options_.workers, caf::infinite, ReportWorkers{})
      .then(
          [this, all, then](const WorkersReport& workers) mutable {
            all.workers = workers;
            add_state(std::move(all), then);
          },
          [this, all, then](const caf::error&) { add_state(all, then); });  // all are down
}

void GatewayActor::add_state(NodeOverview all, WithOverview then) {
  if (!options_.state) return add_queues(std::move(all), std::move(then));
  request(options_.state, caf::infinite, ReportState{})
      .then(
          [this, all, then](const StateReport& report) mutable {
            all.state = report;
            add_queues(std::move(all), then);
          },
          [this, all, then](const caf::error&) { add_queues(all, then); });  // it is down
}

void GatewayActor::add_queues(NodeOverview all, WithOverview then) {
  if (!options_.queues) return add_oyster(std::move(all), std::move(then));
  request(options_.queues, caf::infinite, ReportQueues{})
      .then(
          [this, all, then](const QueueReport& report) mutable {
            all.queues = report;
            add_oyster(std::move(all), then);
          },
          [this, all, then](const caf::error&) { add_oyster(all, then); });  // they are down
}

void GatewayActor::add_oyster(NodeOverview all, WithOverview then) {
  if (!options_.oyster) return add_oyster_runs(std::move(all), std::move(then));
  request(options_.oyster, caf::infinite, CountOyster{})
      .then(
          [this, all, then](const OysterCounts& counts) mutable {
            all.oyster = counts;
            add_oyster_runs(std::move(all), then);
          },
          [this, all, then](const caf::error&) { add_oyster_runs(all, then); });  // it is down
}

void GatewayActor::add_oyster_runs(NodeOverview all, WithOverview then) {
  if (!options_.oyster_runner) return then(all);
  request(options_.oyster_runner, caf::infinite, CountRuns{})
      .then(
          [all, then](const OysterRuns& runs) mutable {
            all.oyster_runs = runs;
            then(all);
          },
          [all, then](const caf::error&) { then(all); });  // it is down
}

void GatewayActor::show_metrics(uint64_t id) {
  overview(id, [this, id](const NodeOverview& all) {
    MetricsInput input{all,
                       server_->counters(),
                       caller_.routes().counters(),
                       caller_.routes().open_calls(),
                       caller_.routes().table().size(),
                       reactor_.counters(),
                       dead_letters().counts(),
                       sockets_,
                       {},
                       {}};
    input.sockets.open = static_cast<size_t>(std::ranges::count_if(
        pending_, [](const auto& one) { return one.second.socket && one.second.socket->begun; }));
    add_bodies(std::move(input), [this, id](const MetricsInput& whole) {
      Response response{200, {}, metrics_text(whole)};
      response.headers.add("Content-Type", std::string(kMetricsContentType));
      respond(id, std::move(response));
    });
  });
}

/// What travels bit by bit, then what functions fetch.
void GatewayActor::add_bodies(MetricsInput input, std::function<void(const MetricsInput&)> then) {
  const auto add_fetches = [this, then](MetricsInput some) {
    if (!options_.fetcher) return then(some);
    request(options_.fetcher, caf::infinite, CountFetches{})
        .then(
            [some, then](const FetchCounts& fetches) mutable {
              some.fetches = fetches;
              then(some);
            },
            [some, then](const caf::error&) { then(some); });  // it is down
  };
  if (!options_.flows) return add_fetches(std::move(input));
  request(options_.flows, caf::infinite, CountFlows{})
      .then(
          [input, add_fetches](const FlowCounts& flows) mutable {
            input.flows = flows;
            add_fetches(std::move(input));
          },
          [input, add_fetches](const caf::error&) { add_fetches(input); });
}

/// Ready: a member of the ring, and one worker is up when there are to be any.
void GatewayActor::show_ready(uint64_t id) {
  overview(id, [this, id](const NodeOverview& all) {
    if (!all.node.joined) return refuse(id, 503, "this node has not joined its ring yet");
    bool is_up = !all.has_workers;
    for (const WorkerReport& worker : all.workers.workers) is_up = is_up || worker.state == "up";
    if (!is_up) return refuse(id, 503, "no worker is up yet");
    respond(id, Response::text(200, "ready\n"));
  });
}

}  // namespace themis
