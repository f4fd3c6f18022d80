#pragma once
// What a node reports, as the JSON of its HTTP interface.

#include <string>

#include "actors/gateway/oyster_api.hpp"
#include "actors/mesh/route_table.hpp"
#include "actors/monitor/state_api.hpp"
#include "actors/node/node_api.hpp"
#include "actors/queues/queue_api.hpp"
#include "actors/services/function_api.hpp"
#include "actors/worker/worker_api.hpp"
#include "runtime/http/server.hpp"

namespace themis {

/// Everything one look at a node gathers.
struct NodeOverview {
  NodeReport node;
  WorkersReport workers;
  bool has_workers = false;
  std::optional<StateReport> state;
  FunctionCounts functions;
  std::optional<QueueReport> queues;
  std::optional<OysterCounts> oyster;
  std::optional<OysterRuns> oyster_runs;
  std::vector<mesh::RouteReport> routes;  ///< Of the gateway's calls; the busiest.
  uint64_t dead_letters = 0;
  Duration uptime{};
  std::string version;
};

std::string status_json(const NodeOverview& overview);
std::string ring_json(const NodeReport& node);
std::string nodes_json(const NodeReport& node);
std::string records_json(const std::string& name, const ring::Records& records);
std::string functions_json(const FunctionList& list);
std::string function_json(const FunctionReport& function);
std::string versions_json(const VersionList& list);
std::string deployed_json(const DeployedFunction& function);

}  // namespace themis
