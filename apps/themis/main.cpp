// themis: the command line of the mesh. Words in, one of the commands, an exit code out.

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/themis/words.hpp"

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
    "  themis dev apps/functions/hello.js\n"
    "  themis logs hello -f --level warn\n"
    "  themis invoke prime_factors --data '{\"num\": 600851475143}'\n"
    "  themis status --gateway 127.0.0.1:8080 --token-file data/node-1/admin.token\n"
    "  themis state put notes first 'hello' --wait\n"
    "  themis state get notes first --client my.key --receipt first.receipt\n"
    "  themis keygen --data data/node-4 --network twiitr\n"
    "  themis invite create --key issuer/identity --network twiitr --node ID --days 365";

}  // namespace

int main(int argc, char** argv) {
  Words words;
  CLI::App app(kDescription, "themis");
  app.footer(kExamples);
  app.get_formatter()->column_width(24);
  app.require_subcommand(1);
  add_commands(app, words);
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
