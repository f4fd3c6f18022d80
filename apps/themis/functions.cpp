// deploy, invoke, list, remove: functions through a node's gateway.

#include <fmt/format.h>

#include "apps/themis/gateway.hpp"
#include "apps/themis/output.hpp"
#include "apps/themis/package.hpp"
#include "runtime/bundle/settings.hpp"

namespace themis::cli {
namespace {

using http::Json;

std::string instances_of(const Json& function) {
  std::string text;
  for (const Json& instance : http::array_or_empty(function, "instances")) {
    if (!text.empty()) text += ", ";
    text += brief(http::string_or(instance, "node", "?")) + "@" +
            http::string_or(instance, "address", "?");
  }
  return text;
}

/// A version is a number or a text.
std::string version_of(const Json& object) {
  return http::string_or(object, "version", std::to_string(http::integer_or(object, "version", 0)));
}

Outcome print_answer(const http::Response& response) {
  print_raw(response.body);
  if (is_terminal() && !response.body.ends_with('\n')) print_raw("\n");
  return {};
}

Outcome print_json_answer(const http::Response& response) {
  Json headers = Json::object();
  for (const http::Header& header : response.headers) headers[header.name] = header.value;
  const auto parsed = http::parse_json(response.body);
  const Json answer = {{"status", response.status},
                       {"headers", headers},
                       {"body", parsed ? *parsed : Json(response.body)}};
  print_line(http::to_text(answer));
  return {};
}

Outcome deploy_one(const Connection& to, const Deploy& what, const std::string& file) {
  const auto package = make_package(what, file);
  if (!package) return tl::unexpected<Failure>(package.error());
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  const std::string& name = package->name;
  std::string target = "/v1/functions/" + escaped_segment(name);
  target += fmt::format("?instances={}",
                        package->instances > 0 ? std::to_string(package->instances) : "");
  if (what.canary > 0) target += fmt::format("&canary={}", what.canary);
  if (!what.sticky.empty()) target += "&sticky=" + what.sticky;
  const auto text = gateway->manage("PUT", target, package->body, package->content_type);
  if (!text) return failed(fmt::format("cannot deploy {}: {}", file, text.error().text));
  if (to.json) return print_line(*text), Outcome{};
  const auto answer = http::parse_json(*text);
  if (!answer) return failed("the gateway's answer is not JSON; is it a Themis gateway?");
  const std::string share =
      what.canary > 0 ? fmt::format(" for {} % of the calls", what.canary) : "";
  print_line(printable(fmt::format("deployed {} version {}{} ({}){}", name, version_of(*answer),
                                   share, http::string_or(*answer, "function_id", "?"),
                                   package->made_of.empty() ? "" : ": " + package->made_of)));
  if (is_terminal())
    print_line(
        fmt::format("  curl http://{}/f/{}", gateway->address().text(), escaped_segment(name)));
  return {};
}

}  // namespace

Outcome deploy(const Connection& to, const Deploy& what) {
  if (what.files.size() > 1 && !what.name.empty())
    return misused("--name is for one FILE; several have the names of their files and manifests");
  for (const std::string& file : what.files)
    if (auto deployed = deploy_one(to, what, file); !deployed) return deployed;
  return {};
}

Outcome invoke(const Connection& to, const Invoke& what) {
  if (!what.path.empty() && what.path.front() != '/' && what.path.front() != '?')
    return misused("--path starts with \"/\" or \"?\": " + what.path);
  http::Request request;
  request.method = !what.method.empty() ? what.method : what.data ? "POST" : "GET";
  request.target = "/f/" + escaped_segment(what.name) + what.path;
  for (const std::string& header : what.headers) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos) return misused("--header is \"Name: value\": " + header);
    const size_t value = header.find_first_not_of(' ', colon + 1);
    request.headers.add(header.substr(0, colon),
                        value == std::string::npos ? "" : header.substr(value));
  }
  if (what.data) {
    auto body = read_argument(*what.data);
    if (!body) return tl::unexpected<Failure>(body.error());
    request.body = std::move(*body);
    if (request.headers.find("Content-Type") == nullptr)
      request.headers.add("Content-Type", http::parse_json(request.body)
                                              ? "application/json"
                                              : "text/plain; charset=utf-8");
  }
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  const auto response = gateway->call(std::move(request));
  if (!response) return tl::unexpected<Failure>(response.error());
  if (to.json) {
    if (auto printed = print_json_answer(*response); !printed) return printed;
  } else if (response->status < 400) {
    return print_answer(*response);
  }
  if (response->status < 400) return {};
  return failed(printable(what.name) + " answered: " + explain(*response));
}

Outcome list(const Connection& to) {
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  Json functions = Json::array();
  std::string after;
  do {  // page by page
    const auto answer =
        gateway->ask("GET", "/v1/functions" + (after.empty() ? "" : "?after=" + after));
    if (!answer) return tl::unexpected<Failure>(answer.error());
    for (const Json& function : http::array_or_empty(*answer, "functions"))
      functions.push_back(function);
    after = http::string_or(*answer, "next", "");
  } while (bundle::is_plain_name(after));
  if (to.json) return print_line(http::to_text({{"functions", std::move(functions)}})), Outcome{};
  Table table({"NAME", "VERSION", "CODE", "INSTANCES"});
  for (const Json& function : functions)
    table.add({http::string_or(function, "name", "?"), version_of(function),
               brief(http::string_or(function, "function_id", "?")), instances_of(function)});
  table.print("no functions; deploy one: themis deploy FILE --name NAME");
  return {};
}

Outcome remove(const Connection& to, const std::string& name) {
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  const auto answer = gateway->manage("DELETE", "/v1/functions/" + escaped_segment(name));
  if (!answer)
    return failed(fmt::format("cannot remove {}: {}", printable(name), answer.error().text));
  print_line(to.json ? http::to_text({{"removed", name}}) : "removed " + printable(name));
  return {};
}

}  // namespace themis::cli
