#include "actors/gateway/metrics.hpp"

#include <fmt/format.h>

#include <map>

namespace themis {
namespace {

/// Writes families: a HELP and a TYPE line, then the samples.
class Writer {
 public:
  void counter(std::string_view name, std::string_view help, uint64_t value) {
    family(name, "counter", help);
    sample(name, {}, value);
  }
  void gauge(std::string_view name, std::string_view help, uint64_t value) {
    family(name, "gauge", help);
    sample(name, {}, value);
  }
  void family(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text_), "# HELP themis_{0} {2}\n# TYPE themis_{0} {1}\n",
                   name, type, help);
  }
  /// `labels`: `state="open"`, or nothing.
  void sample(std::string_view name, std::string_view labels, uint64_t value) {
    if (labels.empty()) {
      fmt::format_to(std::back_inserter(text_), "themis_{} {}\n", name, value);
    } else {
      fmt::format_to(std::back_inserter(text_), "themis_{}{{{}}} {}\n", name, labels, value);
    }
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write_ring(Writer& out, const NodeReport& node) {
  out.gauge("ring_joined", "1 when this node is a member of its ring.", node.joined ? 1 : 0);
  out.gauge("ring_successors", "Entries of the successor list.", node.successors.size());
  out.gauge("ring_fingers", "Entries of the finger table.", node.fingers.size());
  out.gauge("ring_objects", "Objects kept for others.", node.objects);
  out.gauge("ring_provided", "Names this node announces.", node.provided);
  std::map<std::string, uint64_t> states{{"open", 0}};
  uint64_t sent = 0, received = 0, bytes_sent = 0, bytes_received = 0;
  for (const SessionReport& session : node.sessions) {
    ++states[session.state];
    sent += session.requests_sent;
    received += session.requests_received;
    bytes_sent += session.bytes_sent;
    bytes_received += session.bytes_received;
  }
  out.family("sessions", "gauge", "Secure sessions by state.");
  for (const auto& [state, count] : states)
    out.sample("sessions", fmt::format("state=\"{}\"", state), count);
  out.gauge("session_requests_sent", "Requests sent on the sessions that are open.", sent);
  out.gauge("session_requests_received", "Requests received on them.", received);
  out.gauge("session_bytes_sent", "Bytes sent on them.", bytes_sent);
  out.gauge("session_bytes_received", "Bytes received on them.", bytes_received);
}

void write_peers(Writer& out, const PeerReport& peers) {
  out.counter("connections_accepted_total", "Connections of peers taken.", peers.accepted);
  out.counter("connections_dialled_total", "Connections to peers begun.", peers.dialled);
  out.counter("connections_refused_total", "Closed at once: too many are open.", peers.refused);
  out.counter("handshakes_failed_total", "Ended without a session.", peers.handshakes_failed);
  out.counter("handshakes_denied_total", "Of these, by a rule: invite, encryption, cookie.",
              peers.handshakes_denied);
  out.counter("handshakes_evicted_total", "Half-open ones that made room.", peers.evicted);
  out.counter("handshakes_answered_total", "Those that cost a signature.",
              peers.handshakes_answered);
  out.counter("handshake_cookies_total", "Callers asked for a cookie.", peers.cookies_asked);
  out.counter("handshakes_limited_total", "Callers past a rate of handshakes.",
              peers.handshakes_limited);
  out.counter("sessions_evicted_total", "Sessions that made room for others.",
              peers.sessions_evicted);
  out.gauge("sessions_waiting_bytes", "Bytes that wait to be sent or written.",
            peers.waiting_bytes);
  out.gauge("handshakes_half_open", "Callers that have not proved who they are.", peers.half_open);
  out.counter("session_rekeys_total", "Exchanges of keys.", peers.rekeyed);
  out.counter("session_cancels_sent_total", "Requests given up here.", peers.cancels_sent);
  out.counter("session_cancels_received_total", "Requests given up by peers.",
              peers.cancels_received);
  out.counter("keyed_requests_run_total", "Requests with an idempotency key that ran.",
              peers.keyed_run);
  out.counter("keyed_requests_repeated_total", "Repetitions that did not run again.",
              peers.keyed_repeated);
  out.gauge("replies_kept", "Requests with a key in the reply cache.", peers.replies_kept);
  out.gauge("replies_kept_bytes", "Bytes of their replies.", peers.reply_bytes);
}

void write_queues(Writer& out, const QueueReport& queues) {
  out.gauge("queue_messages", "Messages that wait on this node.", queues.messages);
  out.gauge("queue_bytes", "Bytes of their bodies.", queues.bytes);
  out.counter("queue_sent_total", "Messages taken and on disk.", queues.sent);
  out.counter("queue_accepted_total", "Messages that a handler accepted.", queues.accepted);
  out.counter("queue_refused_total", "Deliveries that were not accepted.", queues.refused);
  out.counter("queue_dead_total", "Messages refused for the last time.", queues.dead);
}

void write_functions(Writer& out, const MetricsInput& input) {
  const FunctionCounts& functions = input.overview.functions;
  out.gauge("functions_deployed", "Functions deployed through this node.", functions.deployed);
  out.gauge("functions_hosted", "Functions this node is an instance of.", functions.hosted);
  out.gauge("functions_installed", "Codes that the workers have; the others are on disk.",
            functions.installed);
  out.counter("functions_invoked_total", "Calls given to the workers.", functions.invoked);
  out.counter("functions_woken_total", "Runs of scheduled handlers begun.", functions.woken);
  out.counter("actor_calls_total", "Calls of actors that live here.", functions.actor_calls);
  out.gauge("actor_alarms", "Alarms of actors that live here.", functions.alarms);
  out.counter("actor_alarms_rung_total", "Calls for an alarm begun.", functions.alarms_rung);
  out.counter("actor_alarms_failed_total", "Of those that failed.", functions.alarms_failed);
  out.counter("functions_placed_total", "Instances asked for and confirmed.", functions.placed);
  out.counter("functions_code_fetched_total", "Codes fetched from peers.", functions.fetched);
  std::map<std::string, uint64_t> states{{"up", 0}};
  uint64_t restarts = 0, in_flight = 0;
  for (const WorkerReport& worker : input.overview.workers.workers) {
    ++states[worker.state];
    restarts += worker.restarts;
    in_flight += worker.in_flight;
  }
  out.family("workers", "gauge", "Worker processes by state.");
  for (const auto& [state, count] : states)
    out.sample("workers", fmt::format("state=\"{}\"", state), count);
  out.counter("worker_recycled_total", "Processes ended for functions of another owner.",
              input.overview.workers.recycled);
  out.family("function_breaches_total", "counter", "Calls that met a limit of their function.");
  for (const Code code : {Code::cpu_exceeded, Code::memory_exceeded, Code::timeout, Code::too_large,
                          Code::overloaded}) {
    const auto met = input.overview.workers.breaches.find(code);
    out.sample("function_breaches_total", fmt::format("limit=\"{}\"", name(code)),
               met == input.overview.workers.breaches.end() ? 0 : met->second);
  }
  out.counter("worker_restarts_total", "Worker processes started again.", restarts);
  out.gauge("worker_calls_in_flight", "Calls the workers have not answered.", in_flight);
  const RouteCaller::Counters& calls = input.calls;
  out.counter("gateway_calls_total", "Function calls taken by the gateway.", calls.calls);
  out.counter("gateway_call_failures_total", "Calls without an answer of the function.",
              calls.failures);
  out.counter("gateway_calls_cancelled_total", "Calls whose clients left.", calls.cancelled);
  out.counter("gateway_call_retries_total", "Calls sent to another instance.", calls.retries);
  out.counter("gateway_finds_total", "Names looked for on the ring.", calls.finds);
  out.counter("gateway_copies_dropped_total", "Copies of calls for which there was no room.",
              calls.copies_dropped);
  out.counter("gateway_replacements_total", "Functions placed anew for a call.", calls.replaced);
  out.gauge("gateway_calls_open", "Calls under way.", input.calls_open);
  out.gauge("gateway_routes", "Routes cached.", input.routes);
}

/// Calls and failures by version. Providers choose what a version is called: anything but a number
/// is "other", so that nobody adds labels without end, and past kVersionsReportedMax too.
constexpr size_t kVersionsReportedMax = 4;
std::map<std::string, std::pair<uint64_t, uint64_t>> versions_of(const mesh::RouteReport& route) {
  std::map<std::string, std::pair<uint64_t, uint64_t>> all;
  for (const mesh::InstanceReport& one : route.instances) {
    const std::string& name = one.instance.version;
    const bool is_number = !name.empty() && name.size() <= 10 &&
                           name.find_first_not_of("0123456789") == std::string::npos;
    const bool has_room = all.contains(name) || all.size() < kVersionsReportedMax;
    auto& [calls, failures] = all[is_number && has_room ? name : "other"];
    calls += one.calls;
    failures += one.failures;
  }
  return all;
}
std::string version_labels(const mesh::RouteReport& route, const std::string& version) {
  return fmt::format("route=\"{}\",version=\"{}\"", route.name, version);
}

/// One family for each member of the counters; the labels are names of the ring, which need no
/// escapes. Only the busiest routes are in the report.
void write_routes(Writer& out, const MetricsInput& input) {
  struct Family {
    std::string_view name;
    std::string_view help;
    uint64_t mesh::RouteCounters::*counter;
  };
  using Counters = mesh::RouteCounters;
  constexpr Family kFamilies[] = {
      {"route_calls_total", "Calls, by route; the busiest routes.", &Counters::calls},
      {"route_failures_total", "Requests that an instance failed.", &Counters::failures},
      {"route_retries_total", "Calls sent to another instance.", &Counters::retries},
      {"route_over_budget_total", "Retries not made for want of budget.", &Counters::over_budget},
      {"route_hedges_total", "Second requests to a faster instance.", &Counters::hedges},
      {"route_ejections_total", "Instances left alone for a while.", &Counters::ejections},
      {"route_losses_total", "Instances whose sessions broke.", &Counters::losses},
      {"route_checks_total", "Health checks that are over.", &Counters::checks},
      {"route_checks_failed_total", "Those without an answer in time.", &Counters::checks_failed},
      {"route_breaker_opens_total", "Circuit breakers that opened.", &Counters::breaker_opens},
      {"route_mirrored_total", "Calls copied to another name.", &Counters::mirrored},
  };
  for (const Family& family : kFamilies) {
    out.family(family.name, "counter", family.help);
    for (const mesh::RouteReport& route : input.overview.routes)
      out.sample(family.name, fmt::format("route=\"{}\"", route.name),
                 route.counters.*family.counter);
  }
  out.family("route_instances", "gauge", "Instances by what their route thinks of them.");
  for (const mesh::RouteReport& route : input.overview.routes) {
    std::map<std::string_view, uint64_t> states{
        {"healthy", 0}, {"ejected", 0}, {"unhealthy", 0}, {"lost", 0}, {"broken", 0}};
    for (const mesh::InstanceReport& instance : route.instances)
      ++states[instance.breaker == "closed" ? instance.state : "broken"];
    for (const auto& [state, count] : states)
      out.sample("route_instances", fmt::format("route=\"{}\",state=\"{}\"", route.name, state),
                 count);
  }
  out.family("route_version_calls", "gauge",
             "Requests to the instances that are there, by their version.");
  for (const mesh::RouteReport& route : input.overview.routes)
    for (const auto& [version, counts] : versions_of(route))
      out.sample("route_version_calls", version_labels(route, version), counts.first);
  out.family("route_version_failures", "gauge", "Those of them that failed.");
  for (const mesh::RouteReport& route : input.overview.routes)
    for (const auto& [version, counts] : versions_of(route))
      out.sample("route_version_failures", version_labels(route, version), counts.second);
  const FunctionCounts& functions = input.overview.functions;
  out.counter("calls_denied_total", "Calls that no rule allows.", functions.denied);
  out.counter("calls_rate_limited_total", "Calls over a caller's rate.", functions.limited);
}

void write_state(Writer& out, const StateReport& state) {
  out.gauge("state_violated", "1 for good once a monitor refused something.",
            state.state == "violated" ? 1 : 0);
  out.gauge("state_up", "1 while calls of the state are taken.", state.state == "up" ? 1 : 0);
  out.gauge("state_epochs_certified", "Epochs certified since the store was made.",
            state.certified ? uint64_t{*state.certified} + 1 : 0);
  out.gauge("state_certify_microseconds", "From the end of the last epoch to its certificate.",
            static_cast<uint64_t>(to_us(state.certifying)));
  out.gauge("state_epoch_milliseconds",
            "How long an epoch lasts: as configured, or longer when its end takes long.",
            static_cast<uint64_t>(to_ms(state.epoch_lasts)));
  out.gauge("state_checkpoint_microseconds", "The last checkpoint; calls wait meanwhile.",
            static_cast<uint64_t>(to_us(state.saving)));
  out.counter("state_calls_total", "Calls of the state.", state.calls);
  out.counter("state_batches_total", "Batches given to the monitors.", state.batches);
  out.counter("state_commits_total", "Times that calls were brought to disk together.",
              state.commits);
  out.counter("state_restarts_total", "Times that the monitors were started again.",
              state.restarts);
  out.gauge("state_records", "Keys known, with those that are absent.", state.records);
  out.gauge("state_journal_bytes", "Calls that a start runs again.", state.journal_bytes);
  out.gauge("state_calls_waiting", "Calls without their answer.", state.waiting);
}

void write_sockets(Writer& out, const SocketCounts& sockets) {
  out.gauge("websockets_open", "WebSockets of clients that are open.", sockets.open);
  out.counter("websockets_asked_total", "Requests for a WebSocket.", sockets.asked);
  out.counter("websockets_opened_total", "Of these; the others were refused.", sockets.opened);
  out.counter("websocket_messages_received_total", "Messages of clients.",
              sockets.received_messages);
  out.counter("websocket_received_bytes_total", "Bytes of these.", sockets.received_bytes);
  out.counter("websocket_messages_sent_total", "Messages to clients.", sockets.sent_messages);
  out.counter("websocket_sent_bytes_total", "Bytes of these.", sockets.sent_bytes);
}

void write_flows(Writer& out, const FlowCounts& flows) {
  out.gauge("flows_open", "Bodies that are read bit by bit here.", flows.open);
  out.counter("flows_total", "Bodies that were offered.", flows.offered);
  out.counter("flows_refused_total", "Not taken: too many were open.", flows.refused);
  out.counter("flow_parts_total", "Parts asked for.", flows.parts);
  out.counter("flow_parts_unknown_total", "Of bodies that were over, or not the asker's.",
              flows.unknown);
  out.counter("flow_request_bytes_total", "Of requests' bodies that are over.",
              flows.request_bytes);
  out.counter("flow_answer_bytes_total", "Of answers' bodies that are over.", flows.answer_bytes);
}

void write_fetches(Writer& out, const FetchCounts& fetches) {
  out.gauge("fetches_open", "Outward requests of functions under way.", fetches.open);
  out.counter("fetches_total", "Outward requests begun.", fetches.begun);
  out.counter("fetches_denied_total", "To hosts or addresses that functions may not reach.",
              fetches.denied);
  out.counter("fetches_limited_total", "Not begun: too many were under way.", fetches.limited);
  out.counter("fetches_failed_total", "Ended without an answer.", fetches.failed);
  out.counter("fetches_too_large_total", "Ended: the streamed body was over its limit.",
              fetches.oversize);
  out.counter("fetch_streamed_bodies_total", "Begun with a body that was sent as it was made.",
              fetches.streamed);
  out.gauge("fetch_streamed_bodies", "Such bodies under way.", fetches.sending);
  out.gauge("fetch_held_bytes", "Bytes of them that wait for their servers.", fetches.held_bytes);
  out.counter("fetch_sent_bytes_total", "Bytes of the requests.", fetches.sent_bytes);
  out.counter("fetch_received_bytes_total", "Bytes of the answers' bodies.",
              fetches.received_bytes);
}

void write_oyster(Writer& out, const OysterCounts& oyster) {
  out.family("oyster_requests_total", "counter", "Requests of the Oyster front, by outcome.");
  for (size_t i = 0; i < oyster.requests.size(); ++i)
    out.sample("oyster_requests_total",
               fmt::format("outcome=\"{}\"", oyster::name(static_cast<oyster::Outcome>(i))),
               oyster.requests[i]);
  out.gauge("oyster_open", "Those without an answer yet.", oyster.open);
  out.counter("oyster_sent_out_total", "Calls of codes that other nodes answered.",
              oyster.sent_out);
  out.gauge("oyster_codes", "Codes kept in memory.", oyster.codes);
  out.counter("oyster_questions_total", "To the Ethereum node and the storage server.",
              oyster.fetched);
  out.gauge("oyster_draining", "1 while its operator has it unregistered.",
            oyster.draining ? 1 : 0);
}

void write_oyster_runs(Writer& out, const OysterRuns& runs) {
  out.gauge("oyster_running", "Codes that run on this node now.", runs.running);
  out.gauge("oyster_capacity", "So many may.", runs.capacity);
  out.gauge("oyster_offered", "1 while other nodes may send codes here.", runs.is_offered ? 1 : 0);
  out.family("oyster_runs_total", "counter", "Calls of codes begun here, by whose front asked.");
  out.sample("oyster_runs_total", "front=\"own\"", runs.own);
  out.sample("oyster_runs_total", "front=\"other\"", runs.others);
  out.counter("oyster_runs_refused_total", "No place, or another node had more room.",
              runs.refused);
  out.counter("oyster_codes_fetched_total", "Codes fetched from fronts of other nodes.",
              runs.fetched);
}

void write_http(Writer& out, const http::ServerCounters& http) {
  out.counter("http_connections_total", "Connections accepted.", http.connections);
  out.gauge("http_connections_open", "Connections open now.", http.open_connections);
  out.counter("http_requests_total", "Requests handled.", http.requests);
  out.counter("http_responses_total", "Responses written.", http.responses);
  out.counter("http_refused_total", "Requests refused for their form or size.", http.refused);
  out.counter("http_timeouts_total", "Connections closed for being slow.", http.timed_out);
  out.counter("http_abandoned_total", "Requests whose client left.", http.abandoned);
  out.counter("http_received_bytes_total", "Bytes received.", http.bytes_in);
  out.counter("http_sent_bytes_total", "Bytes sent.", http.bytes_out);
}

}  // namespace

std::string metrics_text(const MetricsInput& input) {
  Writer out;
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(input.overview.uptime).count();
  out.gauge("uptime_seconds", "Since the gateway started.", static_cast<uint64_t>(uptime));
  write_ring(out, input.overview.node);
  write_peers(out, input.overview.node.peers);
  write_functions(out, input);
  if (input.overview.queues) write_queues(out, *input.overview.queues);
  if (input.overview.state) write_state(out, *input.overview.state);
  write_routes(out, input);
  write_http(out, input.http);
  write_sockets(out, input.sockets);
  if (input.flows) write_flows(out, *input.flows);
  if (input.fetches) write_fetches(out, *input.fetches);
  if (input.overview.oyster) write_oyster(out, *input.overview.oyster);
  if (input.overview.oyster_runs) write_oyster_runs(out, *input.overview.oyster_runs);
  out.counter("reactor_turns_total", "Turns of the event loop.", input.reactor.turns);
  out.counter("reactor_resumes_total", "Times an actor ran.", input.reactor.resumes);
  out.counter("reactor_slow_handlers_total", "Handlers over 50 ms.", input.reactor.slow_handlers);
  out.family("dead_letters_total", "counter", "Messages that nobody took, by kind.");
  out.sample("dead_letters_total", "kind=\"unexpected\"", input.dead_letters.unexpected);
  out.sample("dead_letters_total", "kind=\"bounced\"", input.dead_letters.bounced);
  out.sample("dead_letters_total", "kind=\"to_dead\"", input.dead_letters.to_dead);
  return out.take();
}

}  // namespace themis
