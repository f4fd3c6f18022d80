// versions, rollback: what a function was, and making it that again.

#include <fmt/format.h>

#include "apps/themis/gateway.hpp"
#include "apps/themis/output.hpp"

namespace themis::cli {
namespace {

using http::Json;

std::string path_of(const std::string& name, std::string_view action) {
  return "/v1/functions/" + escaped_segment(name) + std::string(action);
}

}  // namespace

Outcome versions(const Connection& to, const std::string& name) {
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  const auto answer = gateway->ask("GET", path_of(name, "/versions"));
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (to.json) return print_line(http::to_text(*answer)), Outcome{};
  Table table({"VERSION", "CODE", "DEPLOYED", "INSTANCES", "WHAT"});
  for (const Json& one : http::array_or_empty(*answer, "versions")) {
    std::string what = table.empty() ? "current" : "";
    if (const int64_t restored = http::integer_or(one, "restores", 0); restored > 0)
      what += fmt::format("{}version {} again", what.empty() ? "" : ", ", restored);
    table.add({std::to_string(http::integer_or(one, "version", 0)),
               brief(http::string_or(one, "function_id", "?")),
               utc(http::integer_or(one, "deployed_ms", 0) / 1000),
               std::to_string(http::integer_or(one, "instances", 0)), what});
  }
  if (answer->is_object() && answer->contains("canary") && answer->at("canary").is_object()) {
    const Json& canary = answer->at("canary");
    const std::string sticky = printable(http::string_or(canary, "sticky", ""));
    table.add({std::to_string(http::integer_or(canary, "version", 0)),
               brief(http::string_or(canary, "function_id", "?")), "", "1",
               fmt::format("canary, {} % of the {}", http::integer_or(canary, "percent", 0),
                           sticky.empty() ? "calls" : "callers by " + sticky)});
  }
  table.print("no versions are kept here; the next deploy is one");
  return {};
}

Outcome end_canary(const Connection& to, const std::string& name, bool promote) {
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  const auto answer = gateway->ask("POST", path_of(name, promote ? "/promote" : "/abort"));
  if (!answer) return failed(fmt::format("{}: {}", printable(name), answer.error().text));
  if (to.json) return print_line(http::to_text(*answer)), Outcome{};
  print_line(fmt::format("{} runs version {} ({}) for all calls", printable(name),
                         http::integer_or(*answer, "version", 0),
                         printable(http::string_or(*answer, "function_id", "?"))));
  return {};
}

Outcome rollback(const Connection& to, const std::string& name, int64_t version) {
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  std::string action = "/rollback";
  if (version > 0) action += "?to=" + std::to_string(version);
  const auto answer = gateway->ask("POST", path_of(name, action));
  if (!answer)
    return failed(fmt::format("cannot roll back {}: {}", printable(name), answer.error().text));
  if (to.json) return print_line(http::to_text(*answer)), Outcome{};
  print_line(fmt::format("{} is version {} again, as version {} ({})", printable(name),
                         http::integer_or(*answer, "restores", 0),
                         http::integer_or(*answer, "version", 0),
                         printable(http::string_or(*answer, "function_id", "?"))));
  return {};
}

}  // namespace themis::cli
