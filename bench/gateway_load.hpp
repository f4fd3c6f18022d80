#pragma once
// Load on a running gateway over real sockets: keep-alive connections, each with one request open
// at a time.

#include <sys/types.h>

#include "bench/options.hpp"
#include "runtime/http/message.hpp"

namespace themis::bench {

/// CPU time that other processes have used so far, all their threads; none of those that are gone.
double cpu_seconds(const std::vector<pid_t>& processes);
/// The bytes of a request, with Host and Content-Length.
std::string serialize(const http::Request& request, const net::Address& gateway);

struct GatewayLoad {
  net::Address gateway;
  http::Request request;  ///< Sent again and again; Host and Content-Length are added.
  size_t connections = 16;
  double seconds = 2;
  std::vector<pid_t> servers;  ///< The processes whose CPU is counted: node, enclaves, workers.
};

/// Fields: requests_per_s, p50_ms, p99_ms, cpu_us_per_request (of `servers`, from /proc), requests,
/// failures (answers over 399). The load comes from this process, on the calling thread. Errors:
/// unavailable (no connection, or one that ended), malformed (an answer that is not HTTP).
Result<Figures> measure_gateway(const GatewayLoad& load);

/// GET /f/FUNCTION on a mesh that runs on this machine (./run); counts the CPU of all its
/// processes. Prints why and ends the program when the gateway does not answer.
Figures measure_running_gateway(const Options& options);

}  // namespace themis::bench
