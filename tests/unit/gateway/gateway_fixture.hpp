#pragma once
// A mesh with a gateway, for the tests of what it answers.

#include <gtest/gtest.h>

#include <fstream>

#include "actors/flows/flow_hub.hpp"
#include "actors/gateway/gateway_actor.hpp"
#include "runtime/http/client.hpp"
#include "runtime/http/json.hpp"
#include "tests/unit/services/mesh.hpp"

namespace themis::testing {

using http::Json;

/// A mesh with a gateway on its first node, seen through HTTP on loopback only.
class GatewayTest : public ::testing::Test {
 protected:
  void start(size_t count, const MeshNode::Options& all = {}) {
    nodes_ = start_mesh(system_, count, true, all);
    MeshNode& first = *nodes_.front();
    GatewayOptions options;
    options.listen = {"127.0.0.1", 0};
    options.data = first.data();
    options.self = first.contact();
    options.node = first.node();
    options.functions = first.functions;
    options.workers = first.workers;
    options.routes = all.routes;
    options.flows = spawn_pinned<FlowHub>(first.reactor());
    if (make_state_) options.state = make_state_(first);
    Result<caf::actor> gateway = fail(Code::internal, "");
    first.in_loop([&] { gateway = start_gateway_actor(first.reactor(), options); });
    ASSERT_TRUE(gateway) << gateway.error().text();
    first.gateway = *gateway;
    address_ = *ask<net::Address>(system_, first.gateway, GatewayAddress{});
    std::ifstream(first.data() / "admin.token") >> token_;
    client_.emplace(address_);
  }
  http::Response send(const std::string& method, const std::string& target, std::string body = {},
                      bool as_owner = false,
                      std::vector<std::pair<std::string, std::string>> headers = {}) {
    http::Request request{method, target, {}, std::move(body), {}};
    for (auto& [name, value] : headers) request.headers.add(name, value);
    if (as_owner) request.headers.add("Authorization", "Bearer " + token_);
    auto response = client_->send(request);
    if (!response) return http::Response::text(0, response.error().text());
    return *response;
  }
  http::Response deploy(const std::string& name, const std::string& source,
                        uint32_t instances = kInstancesDefault) {
    return send("PUT", "/v1/functions/" + name + "?instances=" + std::to_string(instances), source,
                true, {{"Content-Type", "text/javascript"}});
  }
  static Json json(const http::Response& response) {
    const auto parsed = http::parse_json(response.body);
    EXPECT_TRUE(parsed) << response.body;
    return parsed ? *parsed : Json();
  }
  /// The status, after checking that a problem document says the same.
  static int problem(const http::Response& response) {
    const std::string* type = response.headers.find("Content-Type");
    EXPECT_TRUE(type != nullptr && *type == "application/problem+json") << response.body;
    const Json document = json(response);
    EXPECT_EQ(http::integer_or(document, "status", 0), response.status);
    EXPECT_FALSE(http::string_or(document, "trace", "").empty());
    EXPECT_FALSE(http::string_or(document, "title", "").empty());
    EXPECT_FALSE(http::string_or(document, "detail", "").empty());
    return response.status;
  }

  System system_;
  std::function<caf::actor(MeshNode&)> make_state_;
  std::vector<std::unique_ptr<MeshNode>> nodes_;
  net::Address address_;
  std::string token_;
  std::optional<http::Client> client_;
};

}  // namespace themis::testing
