#pragma once
// The commands of `themis`: each one asks a gateway or works on local files, prints, and says how
// it ended.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/error.hpp"

namespace CLI {
class App;
}

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
  std::vector<std::string> files;    ///< Each a module, a folder or a manifest: a function.
  std::string name;                  ///< Of one alone; empty: the manifest's, file's or folder's.
  int64_t canary = 0;                ///< Percent of the calls; 0: all.
  std::string sticky;                ///< Of a canary: "header:NAME" or "cookie:NAME"; or empty.
  std::vector<std::string> secrets;  ///< "NAME=@FILE", "NAME=-" or "NAME=VALUE".
};
struct Invoke {
  std::string name;
  std::optional<std::string> data;  ///< Text, "@file", or "-" for the standard input.
  std::string method;               ///< Empty: POST with data, GET without.
  std::string path;                 ///< Below the function: "/users?id=3".
  std::vector<std::string> headers;
};
struct State {
  std::string name_space;
  std::string key;                      ///< Of list: the prefix.
  std::string value;                    ///< Text, "@file", or "-" for the standard input.
  std::optional<std::string> expected;  ///< As value. Nothing: the key must be absent.
  std::string after;
  bool wait = false;    ///< For the epoch to be certified.
  std::string receipt;  ///< Where to write one for others; empty: none.
  std::string client;   ///< The caller's own key, made at its first use; empty: the node calls.
};
struct Keys {
  std::string data;     ///< Empty: node.data of the config.
  std::string network;  ///< Empty: mesh.network of the config.
};
/// The words of the command, or the config's when one is missing.
Maybe<Keys> complete(const Connection& to, Keys keys);
/// Where themis-node keeps the key of its virtual node `number` below node.data.
std::filesystem::path identity_path(const std::string& data, uint32_t number);

struct NewInvite {
  std::string key;  ///< The issuer's identity file.
  std::string network;
  std::string node;  ///< Hexadecimal.
  int64_t days = 0;
  std::string out;  ///< Empty: the standard output.
};

Outcome deploy(const Connection& to, const Deploy& what);
Outcome invoke(const Connection& to, const Invoke& what);
Outcome list(const Connection& to);
Outcome remove(const Connection& to, const std::string& name);

/// The versions that the node which deployed a function keeps, the newest first.
Outcome versions(const Connection& to, const std::string& name);
/// `version` 0: the newest whose code is not the current one's.
Outcome rollback(const Connection& to, const std::string& name, int64_t version);

/// What the functions do, each `every_s` seconds anew; with `once` after the first time.
Outcome top(const Connection& to, bool once, int64_t every_s);

/// The canary of a function becomes the function, or goes.
Outcome end_canary(const Connection& to, const std::string& name, bool promote);

Outcome status(const Connection& to);
Outcome ring(const Connection& to);
Outcome nodes(const Connection& to);
Outcome find(const Connection& to, const std::string& name);
Outcome store(const Connection& to, const std::string& name, const std::string& payload);

/// Each prints the answer; get, delete and cas fail when there was nothing to do. With a client,
/// what is printed is what the monitor's receipt says.
Outcome state_get(const Connection& to, const State& what);
Outcome state_put(const Connection& to, const State& what);
Outcome state_delete(const Connection& to, const State& what);
Outcome state_cas(const Connection& to, const State& what);
Outcome state_list(const Connection& to, const State& what);
/// Prints the public key of the store that keeps the namespace.
Outcome state_key(const Connection& to, const State& what);

/// Makes an identity; fails when the directory has one.
Outcome keygen(const Connection& to, const Keys& keys);
/// Prints the identifier of the identity in a data directory, or its public key.
Outcome id(const Connection& to, const Keys& keys, bool public_key);
/// Signs and writes an invite into a private network.
Outcome create_invite(const Connection& to, const NewInvite& wanted);
/// Prints what a file of invites says; fails when one of them is not valid now.
Outcome show_invites(const Connection& to, const std::string& path);
/// Gives every identity in a data directory a successor, which goes by the old name for `days` too.
Outcome rotate(const Connection& to, const Keys& keys, int64_t days);

/// `receipt verify`: whether a file proves what a store's monitors answered. Sets `action` when the
/// words name it.
void add_receipt_commands(CLI::App& app, std::function<Outcome()>& action);

/// The bytes that an argument stands for: "@file" and "-" are read, anything else is itself.
Maybe<std::string> read_argument(const std::string& argument);
Maybe<std::string> read_file(const std::string& path);

}  // namespace themis::cli
