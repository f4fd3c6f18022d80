#include "apps/themis/words.hpp"

namespace themis::cli {
namespace {

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
  sub->add_option("FILE", w.deploy.files,
                  "a module (.js, .ts), a folder with function.toml or index.js, or a manifest; "
                  "several are as many functions")
      ->required();
  sub->add_option("--name", w.deploy.name,
                  "the function's name (default: the manifest's, else the file's or folder's)");
  sub->add_option("--canary", w.deploy.canary,
                  "only for so many percent of the calls (1 to 50), beside the version that runs; "
                  "then: themis promote NAME, or themis abort NAME")
      ->check(CLI::Range(1, 50));
  sub->add_option(
         "--sticky", w.deploy.sticky,
         "header:NAME or cookie:NAME: with --canary, callers that send the same value keep "
         "their version (default: each call by chance)")
      ->needs("--canary")
      ->check([](const std::string& text) {
        const bool is_known = text.starts_with("header:") || text.starts_with("cookie:");
        if (is_known && http::is_token(text.substr(7))) return std::string();
        return std::string("it is header:NAME or cookie:NAME");
      });
  sub->add_option("--secret", w.deploy.secrets,
                  "NAME=@FILE, NAME=- or NAME=VALUE: env.NAME, kept sealed; can be repeated")
      ->allow_extra_args(false);

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
  sub = command(app, w, "remove", "Take a function away, with all that it and its actors keep",
                [&w] { return remove(w.to, w.name); });
  sub->add_option("NAME", w.name, "the function")->required();
}

void add_version_commands(CLI::App& app, Words& w) {
  CLI::App* sub = command(app, w, "versions", "The versions of a function that can be gone back to",
                          [&w] { return versions(w.to, w.name); });
  sub->add_option("NAME", w.name, "the function")->required();
  sub = command(app, w, "rollback", "Run an earlier version of a function again",
                [&w] { return rollback(w.to, w.name, w.version); });
  sub->add_option("NAME", w.name, "the function")->required();
  sub->add_option("--to", w.version, "a version's number (default: the last other code)")
      ->check(CLI::Range(int64_t{1}, int64_t{UINT32_MAX}));
}

void add_canary_commands(CLI::App& app, Words& w) {
  CLI::App* sub = command(app, w, "promote", "Make a function's canary the function",
                          [&w] { return end_canary(w.to, w.name, true); });
  sub->add_option("NAME", w.name, "the function")->required();
  sub = command(app, w, "abort", "Let a function's canary go",
                [&w] { return end_canary(w.to, w.name, false); });
  sub->add_option("NAME", w.name, "the function")->required();
}

void add_log_commands(CLI::App& app, Words& w) {
  CLI::App* sub = command(app, w, "logs", "What a function logs, on every node that runs it",
                          [&w] { return logs(w.to, w.logs); });
  sub->add_option("NAME", w.logs.name, "the function; it was deployed through this node")
      ->required();
  sub->add_flag("-f,--follow", w.logs.follow, "go on with what comes, until Ctrl-C");
  sub->add_option("--level", w.logs.level, "debug (default), info, warn or error, and above")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  sub->add_option("--since", w.logs.since, "only of the last 90s, 10m, 2h or 1d");
}

void add_top_command(CLI::App& app, Words& w) {
  CLI::App* sub = command(app, w, "top", "What the functions called through this gateway do now",
                          [&w] { return top(w.to, w.once, w.every_s); });
  sub->add_flag("--once", w.once, "print one look, after the first interval, and end");
  sub->add_option("--every", w.every_s, "seconds (default: 1)")->check(CLI::Range(1, 3600));
}

void add_dev_command(CLI::App& app, Words& w) {
  CLI::App* sub = command(app, w, "dev", "Run a function while it is written: each save is live",
                          [&w] { return dev(w.to, w.dev); });
  sub->add_option("FILE", w.dev.deploy.files, "as for deploy")->required()->expected(1);
  sub->add_option("--name", w.dev.deploy.name, "the function's name");
  sub->add_option("--secret", w.dev.deploy.secrets, "as for deploy; can be repeated")
      ->allow_extra_args(false);
  sub->add_option("--port", w.dev.node.port, "of the node that it starts (default: 8787)");
  sub->add_option("--set", w.dev.node.settings, "key=value for that node; can be repeated")
      ->allow_extra_args(false);
}

void add_mesh_commands(CLI::App& app, Words& w) {
  command(app, w, "status", "The node: workers, state, sessions, counters",
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

void add_state_commands(CLI::App& app, Words& w) {
  CLI::App* sub = app.add_subcommand("state", "Verified state: keys and values in namespaces");
  CLI::App& state = *sub->require_subcommand(1);
  const auto add = [&](const char* name, const char* help,
                       Outcome (*action)(const Connection&, const State&)) {
    CLI::App* made = command(state, w, name, help, [&w, action] { return action(w.to, w.state); });
    made->add_option("NAMESPACE", w.state.name_space, "a function's name, or another")->required();
    made->add_flag("--wait", w.state.wait, "until the epoch of the answer is certified");
    return made;
  };
  const auto add_key = [&](CLI::App* to) {
    to->add_option("KEY", w.state.key, "at most 127 bytes")->required();
    to->add_option("--receipt", w.state.receipt,
                   "wait, and write a receipt for `themis receipt verify` to this file");
    to->add_option("--client", w.state.client,
                   "sign the call with the key in this file, made at its first use, and print only "
                   "what a monitor answered to it");
    return to;
  };
  const auto add_value = [&](CLI::App* to) {
    to->add_option("VALUE", w.state.value, "text, @FILE, or -; at most 1,024 bytes")->required();
    return to;
  };
  add_key(add("get", "Print the value of a key", state_get));
  add_value(add_key(add("put", "Write the value of a key", state_put)));
  add_key(add("delete", "Delete a key", state_delete));
  add_value(add_key(add("cas", "Write a key if it holds what is expected", state_cas)))
      ->add_option("--expected", w.state.expected, "text, @FILE, or -; without: no value");
  sub = add("list", "The keys of a namespace with their values, 100 at a time", state_list);
  sub->add_option("PREFIX", w.state.key, "only keys that start with it");
  sub->add_option("--after", w.state.after, "only keys after this one");
  sub =
      command(state, w, "key", "Print the public key that a namespace's receipts are checked with",
              [&w] { return state_key(w.to, w.state); });
  sub->add_option("NAMESPACE", w.state.name_space, "a function's name, or another")->required();
}

}  // namespace

void add_commands(CLI::App& app, Words& words) {
  add_function_commands(app, words);
  add_version_commands(app, words);
  add_canary_commands(app, words);
  add_log_commands(app, words);
  add_top_command(app, words);
  add_dev_command(app, words);
  add_mesh_commands(app, words);
  add_state_commands(app, words);
  add_key_commands(app, words);
  add_invite_commands(app, words);
  add_receipt_commands(app, words.action);
}

}  // namespace themis::cli
