#pragma once
// The commands of `themis`: each one asks a gateway or works on local files, prints, and says how
// it ended.

#include <optional>
#include <string>
#include <vector>

#include "runtime/base/error.hpp"

namespace themis::cli {

/// Why a command did not do its work: what, where and what to do, in one line without the program's
/// name.
struct Failure {
  int exit_code = 1;  ///< 1: it failed; 2: the words or the config are wrong.
  std::string text;
};
using Outcome = tl::expected<void, Failure>;
template <class T>
using Maybe = tl::expected<T, Failure>;

inline tl::unexpected<Failure> failed(std::string text) {
  return tl::unexpected<Failure>(Failure{1, std::move(text)});
}
inline tl::unexpected<Failure> misused(std::string text) {
  return tl::unexpected<Failure>(Failure{2, std::move(text)});
}

/// Where the gateway is and how to prove who asks; empty members are looked for.
struct Connection {
  std::string gateway;     ///< --gateway HOST:PORT
  std::string token_file;  ///< --token-file
  std::string config;      ///< --config
  bool json = false;       ///< --json: the answer as it came.
};

struct Deploy {
  std::string file;
  std::string name;  ///< Empty: the file's name without its ending.
};
struct Invoke {
  std::string name;
  std::optional<std::string> data;  ///< Text, "@file", or "-" for the standard input.
  std::string method;               ///< Empty: POST with data, GET without.
  std::string path;                 ///< Below the function: "/users?id=3".
  std::vector<std::string> headers;
};
struct Keys {
  std::string data;     ///< Empty: node.data of the config.
  std::string network;  ///< Empty: mesh.network of the config.
};

Outcome deploy(const Connection& to, const Deploy& what);
Outcome invoke(const Connection& to, const Invoke& what);
Outcome list(const Connection& to);
Outcome remove(const Connection& to, const std::string& name);

Outcome status(const Connection& to);
Outcome ring(const Connection& to);
Outcome nodes(const Connection& to);
Outcome find(const Connection& to, const std::string& name);
Outcome store(const Connection& to, const std::string& name, const std::string& payload);

/// Makes an identity; fails when the directory has one.
Outcome keygen(const Connection& to, const Keys& keys);
/// Prints the identifier of the identity in a data directory.
Outcome id(const Connection& to, const Keys& keys);

/// The bytes that an argument stands for: "@file" and "-" are read, anything else is itself.
Maybe<std::string> read_argument(const std::string& argument);
Maybe<std::string> read_file(const std::string& path);

}  // namespace themis::cli
