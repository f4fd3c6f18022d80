#include "actors/gateway/gateway_actor.hpp"

#include <caf/all.hpp>

#include "actors/gateway/oyster_api.hpp"
#include "actors/services/function_context.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"
#include "runtime/http/json.hpp"
#include "runtime/js/limits.hpp"

namespace themis {
namespace {

using http::Response;

/// What a caller may know of a function's failure who is not its owner.
constexpr std::string_view kThrewDetail =
    "the function threw; its owner finds the reason under this trace in the node's log";

}  // namespace

Result<caf::actor> start_gateway_actor(Reactor& reactor, GatewayOptions options) {
  caf::actor gateway = spawn_pinned<GatewayActor>(reactor, std::move(options));
  auto* self = static_cast<GatewayActor*>(caf::actor_cast<caf::abstract_actor*>(gateway));
  if (const Status started = self->start(); !started) {
    caf::anon_send_exit(gateway, caf::exit_reason::kill);
    return fail(started.error());
  }
  return gateway;
}

GatewayActor::GatewayActor(caf::actor_config& config, GatewayOptions options)
    : PinnedActor(config),
      options_(std::move(options)),
      rng_(options_.rng == nullptr ? static_cast<Rng&>(system_rng_) : *options_.rng),
      started_(reactor_.loop().now()),
      caller_(*this, reactor_, rng_, options_.node, options_.functions, options_.routes) {}

Status GatewayActor::start() {
  THEMIS_TRY(AdminToken token, AdminToken::load_or_create(options_.data / "admin.token", rng_));
  token_.emplace(std::move(token));
  server_.emplace(reactor_.loop(), static_cast<http::Handler&>(*this), options_.http);
  THEMIS_CHECK(server_->listen(options_.listen));
  address_ = server_->address();
  log::info("gateway", "node {} answers on http://{}", options_.self.id.brief(), address_.text());
  return {};
}

caf::behavior GatewayActor::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](const caf::down_msg& down) { caller_.routes().on_down(down); });
  set_exit_handler([this](const caf::exit_msg& exit) { drain(exit.reason); });
  return {[this](const GatewayAddress&) { return address_; },
          [this](const CallerTimer& timer) { caller_.routes().on_timer(timer); },
          [this](const NameChanged& changed) { caller_.routes().on_changed(changed); },
          [this](const TakePart& ask) { return take_body(ask.flow); },
          [](const DropPart&) {},  // what is left of the body is thrown away with its request
          [this](caf::close_atom, const caf::error& reason) { quit(reason); }};
}

void GatewayActor::drain(const caf::error& reason) {
  if (std::exchange(draining_, true)) return;
  server_->drain([self = caf::actor_cast<caf::actor>(this), reason] {
    caf::anon_send(self, caf::close_atom::value, reason);
  });
}

void GatewayActor::on_exit() {
  caller_.stop();
  for (auto& [id, pending] : pending_) release(pending);  // no timer of theirs is left
  pending_.clear();
  server_.reset();
  // Those who ask each other must not keep each other alive.
  for (caf::actor* handle :
       {&options_.node, &options_.functions, &options_.workers, &options_.state, &options_.queues,
        &options_.flows, &options_.fetcher, &options_.oyster, &options_.oyster_runner})
    *handle = nullptr;
}

void GatewayActor::on_request(http::Request&& request, http::Responder responder) {
  const uint64_t id = ++last_id_;
  const bool is_owner = token_->is_in(request.headers);
  pending_.emplace(id, Pending{std::move(responder),
                               request.method + " " + std::string(request.path()), is_owner});
  const Result<Destination> to = find_destination(request);
  if (!to) return refuse(id, to.error());
  if (needs_token(to->path) && !is_owner)
    return refuse(id, {Code::unauthenticated,
                       "this needs \"Authorization: Bearer\" with the node's admin.token"});
  if (!is_allowed(to->allow, request.method)) {
    const std::string allow(to->allow);
    Response response = failure(pending_.at(id), 405, "allowed here: " + allow, {});
    response.headers.set("Allow", allow);
    return respond(id, std::move(response));
  }
  dispatch(id, *to, request);
}

void GatewayActor::dispatch(uint64_t id, const Destination& to, http::Request& request) {
  switch (to.path) {
    case Path::call:
      return call(id, to, request);
    case Path::serverless:
      return serverless(id, request);
    case Path::functions:
      return list(id, std::string(query_value(request.query(), "after")));
    case Path::function:
      if (request.method == "PUT") return deploy(id, to.name, request);
      return request.method == "DELETE" ? remove(id, to.name) : describe(id, to.name);
    case Path::versions:
      return list_versions(id, to.name);
    case Path::rollback:
      return roll_back(id, to.name, query_value(request.query(), "to"));
    case Path::promote:
    case Path::abort:
      return end_canary(id, to.name, to.path == Path::promote);
    case Path::logs:
      return read_logs(id, to.name, request.query());
    case Path::top:
      return show_top(id);
    case Path::status:
      return overview(id, [this, id](const NodeOverview& all) {
        respond(id, Response::json(200, status_json(all)));
      });
    case Path::ring:
      return show_ring(id, false);
    case Path::nodes:
      return show_ring(id, true);
    case Path::find:
      return find(id, {to.name, "fn/" + to.name, "service/" + to.name}, 0);
    case Path::store:
      return store(id, request);
    case Path::state:
      return ask_state(id, to.name, request);
    case Path::metrics:
      return show_metrics(id);
    case Path::health:
      return respond(id, Response::text(200, "ok\n"));
    case Path::ready:
      return show_ready(id);
  }
}

void GatewayActor::call(uint64_t id, const Destination& to, const http::Request& request) {
  run(id, {to.name, {}}, request, to.rest);
}

void GatewayActor::run(uint64_t id, const CallTarget& target, const http::Request& request,
                       const std::string& path) {
  const Result<std::string> origin = origin_of(request.headers);
  if (!origin) return refuse(id, origin.error());
  const std::string name = target.ring_name();
  pending_.at(id).function = target.function;
  pending_.at(id).begun = reactor_.loop().now();
  const TimePoint deadline = caller_.routes().deadline_of(
      name, reactor_.loop().now() + std::chrono::milliseconds(options_.wall_ms) + kCallMargin);
  const bool is_socket = options_.flows && http::is_socket_request(request);
  if (is_socket) {
    Result<std::string> accept = http::socket_accept(request);
    if (!accept) return refuse(id, accept.error());
    pending_.at(id).socket = std::make_unique<GatewaySocket>(std::move(*accept));
    ++sockets_.asked;
  }
  const FlowId flow = request.streams || is_socket ? offer_body(id) : 0;
  // The token is this gateway's; a function on another node must not see it.
  const auto encode = [&, is_owner = pending_.at(id).is_owner](const CallTarget& to) {
    return encode_invoke(to, request, *origin + path, is_owner, deadline, flow, is_socket);
  };
  const Result<InvokeMsg> invoke = encode(target);
  if (!invoke) return refuse(id, invoke.error());
  const Result<uint64_t> sent = caller_.call(
      target, request.method, *invoke, {.once = flow != 0},
      [this, id](Result<FunctionCaller::Answer> answer) { answered(id, std::move(answer)); });
  if (!sent) return refuse(id, sent.error());
  pending_.at(id).responder.on_gone([this, id, call = *sent] {
    caller_.routes().cancel(call);
    auto gone = pending_.extract(id);
    if (!gone.empty()) release(gone.mapped());
  });
  if (flow != 0) return;  // there is one body only
  const CallTarget mirror{caller_.routes().mirror_of(name), {}};
  if (mirror.function.empty()) return;
  if (const Result<InvokeMsg> copy = encode(mirror)) caller_.copy(mirror, *copy);
}

void GatewayActor::answered(uint64_t id, Result<FunctionCaller::Answer> answer) {
  const Pending& pending = pending_.at(id);
  if (!answer) {
    measure(pending, 0, true);
    const Error& error = answer.error();
    // The request was measured before it left: it is the answer that is too long, not the caller's.
    if (error.code == Code::too_large)
      return refuse(id, 500, "the function's answer: " + error.detail);
    if (error.code != Code::threw) return refuse(id, error);
    const bool may_know = pending.is_owner || error.detail == js::kHungDetail;
    const std::string_view told = may_know ? std::string_view(error.detail) : kThrewDetail;
    return respond(id, failure(pending, 500, told, error.detail));
  }
  Result<Reply> reply = decode_outcome(answer->outcome);
  if (!reply)
    return refuse(id, 502,
                  "the answer of node " + answer->node.brief() + ": " + reply.error().detail);
  measure(pending, reply->cpu_us, reply->response.status >= 500);
  reply->response.headers.set("x-themis-node", answer->node.brief());
  if (reply->response.status == 101) return begin_socket(id, answer->node, std::move(*reply));
  if (reply->flow != 0) return begin_answer(id, answer->node, std::move(*reply));
  respond(id, std::move(reply->response));
}

/// Oyster's form: the code's id, or a name, and the input as the body of a POST. Where there is an
/// Oyster front it answers, in its own words.
void GatewayActor::serverless(uint64_t id, const http::Request& request) {
  if (options_.oyster) {
    this->request(options_.oyster, caf::infinite, AskOyster{request})
        .then([this, id](const Response& answer) { respond(id, answer); }, refusing(id));
    return;
  }
  const auto refused = [&](std::string detail) { refuse(id, {Code::malformed, detail}); };
  const auto body = http::parse_json(request.body);
  if (!body) return refused("the body is not JSON: " + body.error().detail);
  if (!body->is_object() || !body->contains("code_id") || !body->at("code_id").is_string())
    return refused("the body is an object with \"code_id\", a text, and \"input\"");
  if (!body->contains("input") || !body->at("input").is_object())
    return refused("\"input\" is an object");
  CallTarget target;
  std::string code = http::string_or(*body, "code_id", "");
  if (code.starts_with("0x")) code.erase(0, 2);
  const auto digest = from_hex(code);
  if (digest && digest->size() == target.code.size()) {
    std::ranges::copy(*digest, target.code.begin());
  } else if (is_function_name(code)) {
    target.function = code;
  } else {
    return refused("\"code_id\" is a function_id (64 hexadecimal digits) or a function's name");
  }
  http::Request inner{"POST", "/", request.headers, http::to_text(body->at("input")), {}};
  inner.headers.set("Content-Type", "application/json");
  inner.headers.set("Content-Length", std::to_string(inner.body.size()));
  run(id, target, inner, "/");
}

void GatewayActor::respond(uint64_t id, Response response) {
  auto node = pending_.extract(id);
  if (node.empty()) return;
  release(node.mapped());
  node.mapped().responder.respond(std::move(response));
}

void GatewayActor::refuse(uint64_t id, const Error& error) {
  respond(id, failure(pending_.at(id), http::status_of(error.code), error.detail, error.text()));
}

void GatewayActor::refuse(uint64_t id, int status, const std::string& detail) {
  respond(id, failure(pending_.at(id), status, detail, detail));
}

/// The problem document, and one line of the log under the same trace.
Response GatewayActor::failure(const Pending& pending, int status, std::string_view detail,
                               std::string_view logged) {
  std::array<std::byte, 8> random{};
  rng_.fill(random);
  const std::string trace = to_hex(random);
  if (status >= 500) {
    log::info("gateway", "{} {}: {}: {}", trace, pending.what, status, logged);
  } else {
    log::debug("gateway", "{} {}: {}: {}", trace, pending.what, status, logged);
  }
  return http::problem(status, http::reason_phrase(status), detail, trace);
}

std::function<void(const caf::error&)> GatewayActor::refusing(uint64_t id) {
  return [this, id](const caf::error& error) { refuse(id, from_caf(error)); };
}

}  // namespace themis
