#include "actors/gateway/reports_json.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "runtime/http/json.hpp"

namespace themis {
namespace {

using http::Json;

Json contact(const ring::Contact& node) {
  return {{"id", node.id.hex()}, {"address", node.address.text()}};
}

Json function(const FunctionReport& report) {
  Json instances = Json::array();
  for (const ring::Contact& node : report.instances)
    instances.push_back({{"node", node.id.hex()}, {"address", node.address.text()}});
  return {{"name", report.name},
          {"function_id", to_hex(report.id)},
          {"version", report.version},
          {"instances", std::move(instances)}};
}

Json worker(const WorkerReport& report) {
  return {{"slot", report.slot},           {"pid", report.pid},
          {"state", report.state},         {"why", report.why},
          {"restarts", report.restarts},   {"functions", report.functions},
          {"in_flight", report.in_flight}, {"confinement", report.confinement},
          {"owner", report.owner}};
}

Json session(const SessionReport& report) {
  return {{"peer", report.peer.id.hex()},
          {"address", report.peer.address.text()},
          {"state", report.state},
          {"sent", report.requests_sent},
          {"received", report.requests_received},
          // Null until the first ping was answered: a session in use is not pinged.
          {"rtt_us", report.round_trip == Duration::zero()
                         ? Json()
                         : Json(static_cast<int64_t>(to_us(report.round_trip)))}};
}

/// Two decimals are enough for a person.
double rounded(double value) { return std::round(value * 100) / 100; }

Json labels_object(const ring::Labels& labels) {
  Json object = Json::object();
  for (const auto& [key, value] : labels) object[key] = value;
  return object;
}

Json instance(const mesh::InstanceReport& report) {
  Json success;
  if (const uint64_t ended = report.calls - report.in_flight; ended > 0)
    success = rounded(100.0 * static_cast<double>(ended - std::min(report.failures, ended)) /
                      static_cast<double>(ended));
  return {{"node", report.instance.contact.id.hex()},
          {"address", report.instance.contact.address.text()},
          {"version", report.instance.version},
          {"weight", report.instance.weight},
          {"labels", labels_object(report.instance.labels)},
          {"state", report.state},
          {"ejected_ms", to_ms(report.ejected_for)},
          {"breaker", report.breaker},
          {"in_flight", report.in_flight},
          {"running", report.running},
          {"memory_percent", report.memory_percent},
          {"ewma_ms", rounded(report.ewma_ms)},
          {"calls", report.calls},
          {"failures", report.failures},
          {"success_percent", std::move(success)}};
}

Json route(const mesh::RouteReport& report) {
  Json instances = Json::array();
  for (const mesh::InstanceReport& each : report.instances) instances.push_back(instance(each));
  const mesh::RouteCounters& counters = report.counters;
  return {{"name", report.name},
          {"policy", name(report.policy)},
          {"calls", counters.calls},
          {"failures", counters.failures},
          {"retries", counters.retries},
          {"over_budget", counters.over_budget},
          {"retry_tokens", rounded(report.retry_tokens)},
          {"hedges", counters.hedges},
          {"ejections", counters.ejections},
          {"losses", counters.losses},
          {"checks", counters.checks},
          {"checks_failed", counters.checks_failed},
          {"breaker_opens", counters.breaker_opens},
          {"mirrored", counters.mirrored},
          {"instances", std::move(instances)}};
}

Json enclave(const NodeOverview& overview) {
  if (!overview.state) return nullptr;
  const bool is_up = overview.state->pid != 0;
  return {{"state", is_up ? "up" : "down"}, {"pid", overview.state->pid}};
}

Json state(const NodeOverview& overview) {
  if (!overview.state) return nullptr;
  const StateReport& report = *overview.state;
  return {{"state", report.state},
          {"why", report.why},
          {"key", report.key},
          {"threads", report.threads},
          {"epoch", report.epoch},
          {"certified", report.certified ? Json(*report.certified) : Json()},
          {"certify_us", static_cast<int64_t>(to_us(report.certifying))},
          {"epoch_ms", static_cast<int64_t>(to_ms(report.epoch_lasts))},
          {"checkpoint_us", static_cast<int64_t>(to_us(report.saving))},
          {"calls", report.calls},
          {"batches", report.batches},
          {"commits", report.commits},
          {"restarts", report.restarts},
          {"records", report.records},
          {"journal_bytes", report.journal_bytes},
          {"waiting", report.waiting}};
}

Json peers(const PeerReport& report) {
  return {{"accepted", report.accepted},
          {"dialled", report.dialled},
          {"refused", report.refused},
          {"handshakes_failed", report.handshakes_failed},
          {"handshakes_denied", report.handshakes_denied},
          {"handshakes_evicted", report.evicted},
          {"handshakes_limited", report.handshakes_limited},
          {"sessions_evicted", report.sessions_evicted},
          {"waiting_bytes", report.waiting_bytes},
          {"half_open", report.half_open},
          {"cookies_asked", report.cookies_asked},
          {"rekeys", report.rekeyed},
          {"cancels_sent", report.cancels_sent},
          {"cancels_received", report.cancels_received},
          {"keyed_run", report.keyed_run},
          {"keyed_repeated", report.keyed_repeated},
          {"replies_kept", report.replies_kept}};
}

/// Null on a node without [oyster]; without "signer" where it runs codes of other nodes' fronts
/// only.
Json oyster_of(const NodeOverview& overview) {
  if (!overview.oyster && !overview.oyster_runs) return nullptr;
  const OysterRuns runs = overview.oyster_runs.value_or(OysterRuns{});
  Json all = {{"state", "up"},
              {"running", runs.running},
              {"capacity", runs.capacity},
              {"offered", runs.is_offered},
              {"runs", {{"own", runs.own}, {"others", runs.others}, {"refused", runs.refused}}}};
  if (!overview.oyster) return all;
  const OysterCounts& counts = *overview.oyster;
  if (counts.draining) all["state"] = "unregistered";
  all["signer"] = counts.signer;
  all["codes"] = counts.codes;
  all["open"] = counts.open;
  all["sent_out"] = counts.sent_out;
  for (size_t i = 0; i < counts.requests.size(); ++i)
    all["requests"][std::string(oyster::name(static_cast<oyster::Outcome>(i)))] =
        counts.requests[i];
  return all;
}

}  // namespace

std::string status_json(const NodeOverview& overview) {
  Json workers = Json::array();
  for (const WorkerReport& report : overview.workers.workers) workers.push_back(worker(report));
  Json sessions = Json::array();
  for (const SessionReport& report : overview.node.sessions) sessions.push_back(session(report));
  Json routes = Json::array();
  for (const mesh::RouteReport& report : overview.routes) routes.push_back(route(report));
  const auto uptime_s = std::chrono::duration_cast<std::chrono::seconds>(overview.uptime).count();
  Json node = contact(overview.node.self);
  node["network"] = overview.node.network;
  node["uptime_s"] = uptime_s;
  node["version"] = overview.version;
  return http::to_text({{"node", std::move(node)},
                        {"workers", std::move(workers)},
                        {"enclave", enclave(overview)},
                        {"state", state(overview)},
                        {"oyster", oyster_of(overview)},
                        {"sessions", std::move(sessions)},
                        {"peers", peers(overview.node.peers)},
                        {"routes", std::move(routes)},
                        {"denied", overview.functions.denied},
                        {"rate_limited", overview.functions.limited},
                        {"functions", overview.functions.deployed},
                        {"dead_letters", overview.dead_letters}});
}

std::string ring_json(const NodeReport& node) {
  Json successors = Json::array();
  for (const ring::Contact& next : node.successors) successors.push_back(contact(next));
  Json fingers = Json::array();
  for (const ring::Contact& finger : node.fingers) {
    Json entry = contact(finger);
    entry["index"] = ring::finger_bit(ring::distance(node.self.id, finger.id));
    fingers.push_back(std::move(entry));
  }
  return http::to_text({{"node", contact(node.self)},
                        {"predecessor", node.predecessor ? contact(*node.predecessor) : Json()},
                        {"successors", std::move(successors)},
                        {"fingers", std::move(fingers)},
                        {"objects", node.objects}});
}

std::string nodes_json(const NodeReport& node) {
  struct Known {
    net::Address address;
    bool session = false;
  };
  std::map<NodeId, Known> known;
  const auto add = [&](const ring::Contact& other) {
    if (other.id != node.self.id) known.try_emplace(other.id, Known{other.address});
  };
  if (node.predecessor) add(*node.predecessor);
  for (const ring::Contact& other : node.successors) add(other);
  for (const ring::Contact& other : node.fingers) add(other);
  for (const SessionReport& report : node.sessions) {
    add(report.peer);  // its socket's address, unless the ring told where it listens
    if (const auto found = known.find(report.peer.id); found != known.end())
      found->second.session = true;
  }
  Json nodes = Json::array();
  for (const auto& [id, other] : known)
    nodes.push_back(
        {{"id", id.hex()}, {"address", other.address.text()}, {"session", other.session}});
  return http::to_text({{"nodes", std::move(nodes)}});
}

std::string records_json(const std::string& name, const ring::Records& records) {
  Json list = Json::array();
  for (const ring::Record& record : records)
    list.push_back({{"provider", record.provider.id.hex()},
                    {"address", record.provider.address.text()},
                    {"sequence", record.sequence},
                    {"expires_ms", record.expires_ms},
                    {"version", record.version},
                    {"weight", record.weight},
                    {"labels", labels_object(record.labels)},
                    {"payload_hex", to_hex(record.payload)}});
  return http::to_text({{"name", name}, {"records", std::move(list)}});
}

std::string functions_json(const FunctionList& list) {
  Json functions = Json::array();
  for (const FunctionReport& report : list.functions) functions.push_back(function(report));
  Json all{{"functions", std::move(functions)}};
  if (!list.next.empty()) all["next"] = list.next;
  return http::to_text(all);
}

std::string function_json(const FunctionReport& report) { return http::to_text(function(report)); }

std::string deployed_json(const DeployedFunction& deployed) {
  Json json = {
      {"name", deployed.name}, {"function_id", to_hex(deployed.id)}, {"version", deployed.version}};
  if (deployed.restores > 0) json["restores"] = deployed.restores;
  if (deployed.canary.percent > 0) json["canary_percent"] = deployed.canary.percent;
  if (deployed.canary.sticky) json["sticky"] = deployed.canary.sticky->text();
  return http::to_text(json);
}

std::string versions_json(const VersionList& list) {
  Json versions = Json::array();
  for (const KeptVersion& kept : list.versions) {
    Json json = {{"version", kept.version.number},
                 {"function_id", to_hex(kept.version.id)},
                 {"instances", kept.instances},
                 {"deployed_ms", kept.deployed_ms},
                 {"current", versions.empty()}};
    if (kept.restores > 0) json["restores"] = kept.restores;
    versions.push_back(std::move(json));
  }
  Json all = {{"name", list.name}, {"versions", std::move(versions)}};
  if (list.canary) {
    const CanaryShare& share = list.canary->canary;
    all["canary"] = {{"version", list.canary->version},
                     {"function_id", to_hex(list.canary->id)},
                     {"percent", share.percent}};
    if (share.sticky) all["canary"]["sticky"] = share.sticky->text();
  }
  return http::to_text(all);
}

}  // namespace themis
