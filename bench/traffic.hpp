#pragma once
// The load generator of the paper's evaluation: requests at the original's moments, a record of
// each, and the original's log of 13 columns.

#include <array>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/http/message.hpp"

namespace themis::bench {

/// As the original sends: 120 answers end its run, one request later.
inline constexpr size_t kPaperRequests = 121;
/// Open at a time, each on a connection of its own; a gateway takes 1,024. Past it: overloaded.
inline constexpr size_t kRequestsOpenMax = 1'000;

/// Milliseconds from request `id` (0 is the first) to the next one, in the original's phases.
/// Source: its benchmarks' run.js.
unsigned phase_interval_ms(size_t id);

struct Traffic {
  net::Address gateway;
  http::Request request;  ///< Sent again and again; Host and Content-Length are added.
  size_t first = 0;       ///< Number of the first request.
  size_t requests = kPaperRequests;
  /// 0: at the paper's moments, whether others were answered or not. Otherwise so many are open
  /// from the beginning to the end.
  size_t inflight = 0;
  /// Divides the paper's intervals.
  unsigned speed = 1;
  TimePoint origin;  ///< Times are from here on.
};

/// One request as it went.
struct Exchange {
  size_t id = 0;
  Duration issued{};    ///< It was due.
  Duration sent{};      ///< Its first byte was given to the connection.
  Duration answered{};  ///< The whole answer was read.
  unsigned interval_ms = 0;
  size_t bytes = 0;  ///< Of the request, head and body.
  int status = 0;
  std::string server;  ///< The node that computed it, as it says.
};

/// All exchanges by their ids. On the calling thread, which waits. Errors: unavailable (no
/// connection, or one that ended), malformed (an answer that is not HTTP), overloaded.
Result<std::vector<Exchange>> run_traffic(const Traffic& traffic);

/// What all lines of a run have the same of.
struct LogLabels {
  std::string mode;  ///< "remote", "local", or "plain": remote and not encrypted.
  std::string function;
  int thread = -1;  ///< Number of the server, from 0; -1: local.
};
inline constexpr std::array kLogTitles = {
    "#Start", "Duration",  "Latency", "Bytes",    "Interval",   "End",           "MBit/sec",
    "Mode",   "Thread_ID", "Type",    "Function", "Request_ID", "Battery_Status"};
using LogLine = std::array<std::string, kLogTitles.size()>;
/// Start, Duration (sent to answered), Latency (issued to answered) and End in seconds. Type:
/// "exec", or "fail" for an answer over 399.
LogLine log_line(const Exchange& exchange, const LogLabels& labels);
/// Titles and lines, their columns aligned, and the comment with the whole time.
std::string log_text(const std::vector<LogLine>& lines, Duration whole);

}  // namespace themis::bench
