#include "bench/remote_calls.hpp"

#include <fmt/format.h>

#include "bench/apps_mesh.hpp"
#include "runtime/bundle/bundle.hpp"

namespace themis::bench {
namespace {

/// Functions to call, of one instance each: some are on another node than the caller.
constexpr size_t kFarMax = 16;
/// Of one request; a call may make 1,000.
constexpr size_t kCallsEach = 500;
constexpr size_t kRounds = 20;

constexpr std::string_view kFar =
    "export const none = () => {}; export default { fetch: () => new Response() };";
constexpr std::string_view kNear =
    "export default { async fetch(request) {"
    "  const { searchParams } = new URL(request.url);"
    "  const far = themis.remote(searchParams.get('far')); const times = [];"
    "  for (let i = 0; i < +searchParams.get('calls'); i++) {"
    "    const start = performance.now(); await far.none();"
    "    times.push((performance.now() - start) * 1000);"
    "  }"
    "  return Response.json(times); } };";

std::string name_of(size_t far) { return fmt::format("far-{}", far); }

cli::Maybe<cli::Package> package_of(const std::string& name, std::string_view source) {
  bundle::Bundle code;
  code.main = "main.js";
  code.modules = {{code.main, bundle::ModuleKind::es, to_bytes(source)}};
  for (size_t i = 0; i < kFarMax; ++i)
    code.settings.functions[fmt::format("FAR_{}", i)] = name_of(i);
  const auto bytes = bundle::encode(code);
  if (!bytes) return cli::failed(bytes.error().text());
  return cli::Package{name, std::string(as_text(*bytes)), "application/vnd.themis.bundle", 1, ""};
}

/// On which node it runs.
cli::Maybe<std::string> start(AppsMesh& mesh, const std::string& name, std::string_view source) {
  const auto package = package_of(name, source);
  if (!package) return tl::unexpected<cli::Failure>(package.error());
  if (const auto deployed = mesh.deploy(*package); !deployed)
    return tl::unexpected<cli::Failure>(deployed.error());
  const auto answer = mesh.get("/f/" + name + "?calls=0&far=" + name_of(0));
  if (!answer) return tl::unexpected<cli::Failure>(answer.error());
  const auto node = answer->headers.find("x-themis-node");
  if (!node) return cli::failed("the gateway does not say which node answered");
  return std::string(*node);
}

}  // namespace

cli::Maybe<Figures> measure_remote_calls() {
  auto mesh = AppsMesh::start({.servers = 2, .fine_clocks = true});
  if (!mesh) return tl::unexpected<cli::Failure>(mesh.error());
  const auto near = start(**mesh, "near", kNear);
  if (!near) return tl::unexpected<cli::Failure>(near.error());
  std::string far;
  for (size_t i = 0; i < kFarMax && far.empty(); ++i) {
    const auto node = start(**mesh, name_of(i), kFar);
    if (!node) return tl::unexpected<cli::Failure>(node.error());
    if (*node != *near) far = name_of(i);
  }
  if (far.empty()) return cli::failed("all functions were placed on one node");
  std::vector<double> times;
  const std::string path = fmt::format("/f/near?far={}&calls={}", far, kCallsEach);
  double cpu_s = 0;
  for (size_t round = 0; round <= kRounds; ++round) {
    if (round == 1) cpu_s = (*mesh)->cpu_s();  // the first one warms up
    const auto answer = (*mesh)->get(path);
    if (!answer) return tl::unexpected<cli::Failure>(answer.error());
    const auto each = nlohmann::json::parse(answer->body, nullptr, false);
    if (!each.is_array()) return cli::failed(path + " answered: " + answer->body);
    if (round > 0)
      for (const auto& time : each) times.push_back(time.get<double>());
  }
  cpu_s = (*mesh)->cpu_s() - cpu_s;
  const auto count = static_cast<double>(times.size());
  return Figures{{"remote_call_p50_us", quantile(times, 0.5)},
                 {"remote_call_p99_us", quantile(times, 0.99)},
                 {"remote_call_cpu_us", 1e6 * cpu_s / count},
                 {"remote_calls", times.size()}};
}

}  // namespace themis::bench
