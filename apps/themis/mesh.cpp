// status, ring, nodes, find, store: what one node knows of the mesh.

#include <fmt/format.h>

#include "apps/themis/gateway.hpp"
#include "apps/themis/output.hpp"
#include "runtime/base/clock.hpp"

namespace themis::cli {
namespace {

using http::array_or_empty;
using http::integer_or;
using http::Json;
using http::string_or;

/// Any JSON value as a cell.
std::string cell(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return {};
  const Json& value = object.at(key);
  if (value.is_null()) return {};
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.is_string() ? value.get<std::string>() : http::to_text(value);
}

Json member(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) ? object.at(key) : Json();
}

/// Asks for `target` and gives the answer to `print`, or prints it raw.
template <class Print>
Outcome show(const Connection& to, const std::string& target, Print print) {
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  const auto answer = gateway->ask("GET", target);
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (to.json) {
    print_line(http::to_text(*answer));
  } else {
    print(*answer);
  }
  return {};
}

void print_workers(const Json& answer) {
  Table table({"WORKER", "PID", "STATE", "RESTARTS", "FUNCTIONS", "IN FLIGHT", "WHY"});
  for (const Json& worker : array_or_empty(answer, "workers"))
    table.add({cell(worker, "slot"), cell(worker, "pid"), cell(worker, "state"),
               cell(worker, "restarts"), cell(worker, "functions"), cell(worker, "in_flight"),
               cell(worker, "why")});
  table.print("no workers");
}

/// Instances with what their route thinks of them; a route's own figures on its first line.
void print_routes(const Json& answer) {
  Table table({"ROUTE", "POLICY", "CALLS", "RETRIES", "BUDGET", "INSTANCE", "VERSION", "STATE",
               "BREAKER", "IN FLIGHT", "RUNNING", "MEMORY", "EWMA", "SUCCESS"});
  for (const Json& route : array_or_empty(answer, "routes")) {
    std::vector<std::string> own = {cell(route, "name"), cell(route, "policy"),
                                    cell(route, "calls"), cell(route, "retries"),
                                    cell(route, "retry_tokens")};
    for (const Json& instance : array_or_empty(route, "instances")) {
      std::string state = cell(instance, "state");
      if (const int64_t ms = integer_or(instance, "ejected_ms", 0); ms > 0)
        state += fmt::format(" for {} ms", ms);
      std::vector<std::string> row = own;
      const std::string success = cell(instance, "success_percent");
      row.insert(row.end(),
                 {brief(cell(instance, "node")), cell(instance, "version"), state,
                  cell(instance, "breaker"), cell(instance, "in_flight"), cell(instance, "running"),
                  cell(instance, "memory_percent") + " %", cell(instance, "ewma_ms") + " ms",
                  success.empty() ? success : success + " %"});
      table.add(std::move(row));
      own.assign(own.size(), "");
    }
  }
  table.print("no routes: nothing was called through this gateway yet");
}

void print_sessions(const Json& answer) {
  Table table({"PEER", "ADDRESS", "STATE", "SENT", "RECEIVED", "RTT"});
  for (const Json& session : array_or_empty(answer, "sessions")) {
    const std::string rtt = cell(session, "rtt_us");
    table.add({brief(cell(session, "peer")), cell(session, "address"), cell(session, "state"),
               cell(session, "sent"), cell(session, "received"),
               rtt.empty() ? rtt : rtt + " \u00b5s"});
  }
  table.print("no sessions");
}

/// The members of the status that have no table of their own: "dead_letters 0".
void print_rest(const Json& answer) {
  Table table({"COUNTER", "VALUE"});
  const auto add = [&](const std::string& prefix, const Json& object, auto& self) -> void {
    if (!object.is_object()) return;
    for (const auto& [key, value] : object.items()) {
      const std::string name = prefix + key;
      if (name == "node" || name == "workers" || name == "sessions" || name == "routes") continue;
      if (value.is_object()) {
        self(name + ".", value, self);
      } else {
        table.add({name, cell(object, key.c_str())});
      }
    }
  };
  add("", answer, add);
  table.print("");
}

std::string text_of(const Json& node) {
  return fmt::format("{} {}", brief(cell(node, "id")), cell(node, "address"));
}

}  // namespace

Outcome status(const Connection& to) {
  return show(to, "/v1/status", [](const Json& answer) {
    const Json node = member(answer, "node");
    print_line(
        printable(fmt::format("node     {} at {}", cell(node, "id"), cell(node, "address"))));
    print_line(
        printable(fmt::format("network  {}, version {}, up {}", cell(node, "network"),
                              cell(node, "version"), duration(integer_or(node, "uptime_s", 0)))));
    const Json oyster = member(answer, "oyster");
    if (oyster.is_object())
      print_line(printable(
          fmt::format("oyster   {}, {} running, {}", cell(oyster, "state"), cell(oyster, "running"),
                      cell(oyster, "signer").empty() ? "for other nodes' fronts"
                                                     : "signs as " + cell(oyster, "signer"))));
    const Json state = member(answer, "state");
    if (state.is_object())
      print_line(
          printable(fmt::format("state    {}{}{}", cell(state, "state"),
                                cell(state, "why").empty() ? "" : ": ", cell(state, "why"))));
    if (!cell(state, "key").empty())
      print_line(printable("         receipts are signed by " + cell(state, "key")));
    print_line("");
    print_workers(answer);
    print_line("");
    print_sessions(answer);
    print_line("");
    print_routes(answer);
    print_line("");
    print_rest(answer);
  });
}

Outcome ring(const Connection& to) {
  return show(to, "/v1/ring", [](const Json& answer) {
    const Json node = member(answer, "node");
    const Json before = member(answer, "predecessor");
    print_line(
        printable(fmt::format("node         {} {}", cell(node, "id"), cell(node, "address"))));
    print_line(printable("predecessor  " + (before.is_object() ? text_of(before) : "none")));
    print_line("objects      " + printable(cell(answer, "objects")));
    print_line("");
    Table table({"ENTRY", "NODE", "ADDRESS"});
    size_t number = 0;
    for (const Json& next : array_or_empty(answer, "successors"))
      table.add(
          {fmt::format("successor {}", number++), brief(cell(next, "id")), cell(next, "address")});
    for (const Json& finger : array_or_empty(answer, "fingers"))
      table.add(
          {"finger " + cell(finger, "index"), brief(cell(finger, "id")), cell(finger, "address")});
    table.print("alone on the ring");
  });
}

Outcome nodes(const Connection& to) {
  return show(to, "/v1/nodes", [](const Json& answer) {
    Table table({"NODE", "ADDRESS", "SESSION"});
    for (const Json& node : array_or_empty(answer, "nodes"))
      table.add({cell(node, "id"), cell(node, "address"), cell(node, "session")});
    table.print("no other nodes known");
  });
}

Outcome find(const Connection& to, const std::string& name) {
  return show(to, "/v1/find/" + escaped_segment(name), [&](const Json& answer) {
    Table table({"PROVIDER", "ADDRESS", "VERSION", "SEQUENCE", "EXPIRES IN", "PAYLOAD"});
    for (const Json& record : array_or_empty(answer, "records")) {
      const int64_t left_ms = integer_or(record, "expires_ms", 0) - SystemClock{}.wall_ms();
      const std::string hex = cell(record, "payload_hex");
      const bool is_long = hex.size() > 32;
      table.add(
          {brief(cell(record, "provider")), cell(record, "address"), cell(record, "version"),
           cell(record, "sequence"), duration(left_ms / 1000),
           is_long ? fmt::format("{}... ({} bytes)", hex.substr(0, 32), hex.size() / 2) : hex});
    }
    table.print("nobody provides " + printable(name));
  });
}

Outcome store(const Connection& to, const std::string& name, const std::string& payload) {
  const auto bytes = read_argument(payload);
  if (!bytes) return tl::unexpected<Failure>(bytes.error());
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  const Json body = {{"name", name}, {"payload", *bytes}};
  const auto answer = gateway->manage("POST", "/v1/store", http::to_text(body), "application/json");
  if (!answer)
    return failed(fmt::format("cannot store {}: {}", printable(name), answer.error().text));
  print_line(to.json ? *answer : "stored " + printable(name));
  return {};
}

}  // namespace themis::cli
