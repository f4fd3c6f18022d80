#pragma once
// The way to a node: finds its gateway and token, asks, and turns every failure into a sentence.

#include <string>

#include "apps/themis/commands.hpp"
#include "runtime/config/config.hpp"
#include "runtime/http/json.hpp"
#include "runtime/http/message.hpp"

namespace themis::cli {

/// --config, else $THEMIS_CONFIG, ./mesh.toml, ./configs/mesh.toml, else the built-in defaults.
struct Settings {
  Config config;
  std::string path;  ///< Empty: the defaults.
};
Maybe<Settings> load_settings(const Connection& to);

class Gateway {
 public:
  static Maybe<Gateway> open(const Connection& to);

  /// A management request, with the token; fails on every status over 399.
  Maybe<std::string> manage(const std::string& method, const std::string& target,
                            const std::string& body = {}, const std::string& content_type = {});
  /// The same for a JSON answer.
  Maybe<http::Json> ask(const std::string& method, const std::string& target,
                        const std::string& body = {});
  /// A request to a function: no token, whose owner the function's code is not. Any status is an
  /// answer.
  Maybe<http::Response> call(http::Request request);

  const net::Address& address() const { return address_; }

 private:
  net::Address address_;
  std::string token_;          // empty: none
  std::string token_missing_;  // why, for the answer 401
};

/// "no function \"f\" (404, trace 12ab)" from a problem document, or the phrase of the status.
std::string explain(const http::Response& response);
/// NAME as one segment of a path.
std::string escaped_segment(std::string_view name);

}  // namespace themis::cli
