// themis: the command line of the mesh. Words in, one of the commands, an exit code out.

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/themis/commands.hpp"

namespace {

using namespace themis::cli;

constexpr const char* kDescription =
    "Deploys and calls functions, and looks at a mesh of Themis nodes.\n\n"
    "The node is found through --gateway, or through --config (else $THEMIS_CONFIG, ./mesh.toml,\n"
    "./configs/mesh.toml), which also tells where its token is. Exit codes: 0 done, 1 it failed,\n"
    "2 the words or the config are wrong.";

constexpr const char* kExamples =
    "Examples:\n"
    "  themis deploy apps/functions/hello.js --name hello\n"
    "  themis invoke prime_factors --data '{\"num\": 600851475143}'\n"
    "  themis status --gateway 127.0.0.1:8080 --token-file data/node-1/admin.token\n"
    "  themis keygen --data data/node-4 --network twiitr\n"
    "  themis invite create --key issuer/identity --network twiitr --node ID --days 365";

/// Everything that the words can set; lives as long as the parser that fills it.
struct Words {
  Connection to;
  Deploy deploy;
  Invoke invoke;
  std::string name, payload;
  Keys keys;
  bool public_key = false;
  NewInvite invite;
  int64_t days = 7;
  std::function<Outcome()> action;
};

CLI::App* command(CLI::App& app, Words& words, const char* name, const char* help,
                  std::function<Outcome()> action) {
  CLI::App* sub = app.add_subcommand(name, help);
  sub->callback([&words, action = std::move(action)] { words.action = action; });
  sub->add_option("--gateway", words.to.gateway, "HOST:PORT of the node's gateway");
  sub->add_option("--token-file", words.to.token_file, "the node's admin.token");
  sub->add_option("--config", words.to.config, "the node's mesh.toml");
  sub->add_flag("--json", words.to.json, "print the answer as JSON");
  return sub;
}

void add_function_commands(CLI::App& app, Words& w) {
  CLI::App* sub = command(app, w, "deploy", "Put a function's code on the mesh",
                          [&w] { return deploy(w.to, w.deploy); });
  sub->add_option("FILE", w.deploy.file, "a .js module or a .wasm file")->required();
  sub->add_option("--name", w.deploy.name, "the function's name (default: the file's)");

  sub = command(app, w, "invoke", "Call a function and print its answer",
                [&w] { return invoke(w.to, w.invoke); });
  sub->add_option("NAME", w.invoke.name, "the function")->required();
  sub->add_option("--data,DATA", w.invoke.data,
                  "the body: text, @FILE, or - for the standard input");
  sub->add_option("--method", w.invoke.method, "default: POST with data, GET without");
  sub->add_option("--path", w.invoke.path, "what follows the name: /users?id=3");
  sub->add_option("--header", w.invoke.headers, "\"Name: value\"; can be repeated")
      ->allow_extra_args(false);

  command(app, w, "list", "The functions that this node knows, and where they run",
          [&w] { return list(w.to); });
  sub = command(app, w, "remove", "Take a function away", [&w] { return remove(w.to, w.name); });
  sub->add_option("NAME", w.name, "the function")->required();
}

void add_mesh_commands(CLI::App& app, Words& w) {
  command(app, w, "status", "The node: workers, enclave, sessions, counters",
          [&w] { return status(w.to); });
  command(app, w, "ring", "The node's place on the ring: predecessor, successors, fingers",
          [&w] { return ring(w.to); });
  command(app, w, "nodes", "The nodes that this node knows", [&w] { return nodes(w.to); });
  CLI::App* sub = command(app, w, "find", "Who provides a name, as the ring has it",
                          [&w] { return find(w.to, w.name); });
  sub->add_option("NAME", w.name, "the name")->required();
  sub = command(app, w, "store", "Provide a name: this node announces it on the ring",
                [&w] { return store(w.to, w.name, w.payload); });
  sub->add_option("NAME", w.name, "the name")->required();
  sub->add_option("--payload", w.payload, "what finders read: text, @FILE, or -");
}

void add_key_commands(CLI::App& app, Words& w) {
  const auto add_keys = [&w](CLI::App* sub) {
    sub->add_option("--data", w.keys.data, "the node's data directory (default: node.data)");
    sub->add_option("--network", w.keys.network, "the network's name (default: mesh.network)");
    return sub;
  };
  add_keys(command(app, w, "keygen", "Make a node's identity before its first start",
                   [&w] { return keygen(w.to, w.keys); }));
  add_keys(command(app, w, "id", "Print a node's identifier, to pin it in bootstrap lists", [&w] {
    return id(w.to, w.keys, w.public_key);
  }))->add_flag("--public-key", w.public_key, "print the public key, for mesh.inviters");
  add_keys(command(app, w, "rotate", "Give a node a new key; it goes by the old name for a while",
                   [&w] { return rotate(w.to, w.keys, w.days); }))
      ->add_option("--days", w.days, "how long the old name still holds (default: 7)")
      ->check(CLI::Range(1, 30));
}

void add_invite_commands(CLI::App& app, Words& w) {
  CLI::App* sub = app.add_subcommand("invite", "Let nodes into a private network");
  CLI::App& invite = *sub->require_subcommand(1);
  sub = command(invite, w, "create", "Sign an invite for one node",
                [&w] { return create_invite(w.to, w.invite); });
  sub->add_option("--key", w.invite.key, "the issuer's identity file, of keygen")->required();
  sub->add_option("--network", w.invite.network, "the network's name")->required();
  sub->add_option("--node", w.invite.node, "who: what `themis id` prints there")->required();
  sub->add_option("--days", w.invite.days, "valid for so long")->required();
  sub->add_option("--out", w.invite.out, "a new file (default: the standard output)");
  sub = command(invite, w, "show", "Check the invites of a file, and print them",
                [&w] { return show_invites(w.to, w.name); });
  sub->add_option("FILE", w.name, "what mesh.invite names")->required();
}

}  // namespace

int main(int argc, char** argv) {
  Words words;
  CLI::App app(kDescription, "themis");
  app.footer(kExamples);
  app.get_formatter()->column_width(24);
  app.require_subcommand(1);
  add_function_commands(app, words);
  add_mesh_commands(app, words);
  add_key_commands(app, words);
  add_invite_commands(app, words);
  add_receipt_commands(app, words.action);
  // CLI11 would only say that a command is missing.
  const auto is_asked = [&](const CLI::App* sub) { return sub->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(is_asked).empty()) {
    std::fprintf(stderr, "themis: there is no command \"%s\"; see themis --help\n", argv[1]);
    return 2;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::fprintf(stderr, "themis: %s; see themis --help\n", error.what());
    return 2;
  }
  const Outcome outcome = words.action();
  if (outcome) return 0;
  std::fflush(stdout);
  std::fprintf(stderr, "themis: %s\n", outcome.error().text.c_str());
  return outcome.error().exit_code;
}
