#include "apps/themis/gateway.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "apps/themis/output.hpp"
#include "runtime/http/client.hpp"

namespace themis::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kTokenBytesMax = 4096;

/// A data directory in a config is relative to where the node was started: here, or the config's
/// own tree.
fs::path find_data(const Settings& settings) {
  const fs::path data = settings.config.node.data;
  const fs::path beside = fs::path(settings.path).parent_path();
  for (const fs::path& base : {fs::path(), beside, beside / ".."}) {
    std::error_code ignored;
    if (fs::exists(base / data / "admin.token", ignored)) return base / data;
  }
  return data;
}

Maybe<std::string> read_token(const fs::path& path) {
  std::error_code error;
  const fs::perms mode = fs::status(path, error).permissions();
  if (!error && (mode & (fs::perms::group_all | fs::perms::others_all)) != fs::perms::none)
    return failed(fmt::format("{}: others can read this token; run: chmod 600 {}", path.string(),
                              path.string()));
  auto text = read_file(path.string());
  if (!text) return text;
  while (text->ends_with('\n')) text->pop_back();
  if (text->empty() || text->size() > kTokenBytesMax || !http::is_field_value(*text))
    return failed(path.string() + ": not a token file");
  return text;
}

net::Address reachable(net::Address listening) {
  if (listening.host == "0.0.0.0") listening.host = "127.0.0.1";
  if (listening.host == "::") listening.host = "::1";
  return listening;
}

}  // namespace

Maybe<std::string> read_file(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return failed(path + ": no such file");
  if (fs::is_directory(path, error)) return failed(path + ": this is a directory");
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) return failed(path + ": cannot be read; may you read it?");
  return text;
}

Maybe<std::string> read_argument(const std::string& argument) {
  if (argument == "-") return std::string{std::istreambuf_iterator<char>(std::cin), {}};
  if (argument.starts_with('@')) return read_file(argument.substr(1));
  return argument;
}

Maybe<Settings> load_settings(const Connection& to) {
  const char* variable = std::getenv("THEMIS_CONFIG");
  std::string path = to.config;
  if (path.empty() && variable != nullptr) path = variable;
  for (const char* usual : {"mesh.toml", "configs/mesh.toml"}) {
    std::error_code ignored;
    if (path.empty() && fs::exists(usual, ignored)) path = usual;
  }
  if (path.empty()) return Settings{};
  auto config = load_config(path);
  if (!config) return misused(config.error().detail);
  return Settings{std::move(*config), path};
}

Maybe<Gateway> Gateway::open(const Connection& to) {
  Gateway gateway;
  std::optional<net::Address> asked;
  if (!to.gateway.empty()) {
    auto address = net::Address::parse(to.gateway);
    if (!address) return misused("--gateway: " + address.error().detail);
    asked = *address;
  }
  // Given both, there is nothing to look for, and a broken config elsewhere is no obstacle.
  Settings settings;
  if (!asked || to.token_file.empty()) {
    auto loaded = load_settings(to);
    if (!loaded) return tl::unexpected<Failure>(loaded.error());
    settings = std::move(*loaded);
  }
  const auto& listen = settings.config.gateway.listen;
  if (!asked && !listen)
    return misused(settings.path + ": gateway.listen is empty; give --gateway HOST:PORT");
  gateway.address_ = asked ? *asked : reachable(*listen);
  fs::path token_file = to.token_file;
  // A token is for one node: it is not sent to another address than the config's own.
  if (token_file.empty() && listen && gateway.address_ == reachable(*listen))
    token_file = find_data(settings) / "admin.token";
  std::error_code ignored;
  if (token_file.empty()) {
    gateway.token_missing_ = "give the node's token with --token-file data/admin.token";
  } else if (to.token_file.empty() && !fs::exists(token_file, ignored)) {
    gateway.token_missing_ = token_file.string() + " is not there; give --token-file or --config";
  } else {
    auto token = read_token(token_file);
    if (token) {
      gateway.token_ = std::move(*token);
    } else if (to.token_file.empty()) {
      gateway.token_missing_ = token.error().text;  // a call of a function needs none
    } else {
      return tl::unexpected<Failure>(token.error());
    }
  }
  return gateway;
}

Maybe<http::Response> Gateway::call(http::Request request) {
  http::Client client(address_);
  auto response = client.send(request);
  if (response) return std::move(*response);
  switch (response.error().code) {
    case Code::unavailable:
      return failed(
          fmt::format("no gateway answers at {}; is themis-node running? "
                      "(./run starts a mesh)",
                      address_.text()));
    case Code::invalid:
      return misused(response.error().detail);
    case Code::timeout:
      return failed(
          fmt::format("the gateway at {} did not answer in time; see its log", address_.text()));
    default:
      return failed(fmt::format("what answers at {} is no Themis gateway: {}", address_.text(),
                                response.error().detail));
  }
}

Maybe<std::string> Gateway::manage(const std::string& method, const std::string& target,
                                   const std::string& body, const std::string& content_type) {
  http::Request request{method, target, {}, body, {}};
  request.headers.add("Accept", "application/json");
  if (!content_type.empty()) request.headers.add("Content-Type", content_type);
  if (!token_.empty()) request.headers.add("Authorization", "Bearer " + token_);
  auto response = call(std::move(request));
  if (!response) return tl::unexpected<Failure>(response.error());
  if (response->status < 400) return std::move(response->body);
  const bool no_identity = response->status == 401 || response->status == 403;
  if (no_identity && token_.empty())
    return failed(
        fmt::format("the gateway at {} wants a token; {}", address_.text(), token_missing_));
  if (no_identity)
    return failed(
        fmt::format("the gateway at {} does not accept this token: {}; is the config "
                    "that of the running node?",
                    address_.text(), explain(*response)));
  return failed(explain(*response));
}

Maybe<http::Json> Gateway::ask(const std::string& method, const std::string& target,
                               const std::string& body) {
  auto text = manage(method, target, body, body.empty() ? "" : "application/json");
  if (!text) return tl::unexpected<Failure>(text.error());
  auto json = http::parse_json(*text);
  if (!json)
    return failed(fmt::format("what answers at {} is no Themis gateway: {}", address_.text(),
                              json.error().detail));
  return std::move(*json);
}

std::string explain(const http::Response& response) {
  std::string what{http::reason_phrase(response.status)};
  std::string trace;
  const std::string* type = response.headers.find("Content-Type");
  if (type != nullptr && type->starts_with("application/problem+json")) {
    if (const auto body = http::parse_json(response.body)) {
      what = http::string_or(*body, "detail", what);
      if (what.empty()) what = http::string_or(*body, "title", "");
      trace = http::string_or(*body, "trace", "");
    }
  }
  if (!trace.empty()) trace = ", trace " + trace;
  return printable(fmt::format("{} ({}{})", what, response.status, trace));
}

std::string escaped_segment(std::string_view name) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string out;
  for (const char c : name) {
    if (kPlain.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace themis::cli
