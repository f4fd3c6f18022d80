#pragma once
// The figures of a node in the Prometheus text format (version 0.0.4).

#include <string>

#include "actors/caller/route_caller.hpp"
#include "actors/fetch/fetch_api.hpp"
#include "actors/flows/flow_api.hpp"
#include "actors/gateway/gateway_socket.hpp"
#include "actors/gateway/reports_json.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/reactor.hpp"

namespace themis {

struct MetricsInput {
  NodeOverview overview;
  http::ServerCounters http;
  RouteCaller::Counters calls;
  size_t calls_open = 0;
  size_t routes = 0;
  Reactor::Counters reactor;
  DeadLetterCounts dead_letters;
  SocketCounts sockets;
  std::optional<FlowCounts> flows;
  std::optional<FetchCounts> fetches;
};

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics_text(const MetricsInput& input);

}  // namespace themis
