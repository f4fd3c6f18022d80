#pragma once
// The words of the command line: which commands there are, and what each one takes.

#include <CLI/CLI.hpp>
#include <functional>

#include "apps/themis/commands.hpp"
#include "apps/themis/dev.hpp"
#include "apps/themis/log_reader.hpp"

namespace themis::cli {

/// Everything that the words can set; lives as long as the parser that fills it.
struct Words {
  Connection to;
  Deploy deploy;
  Invoke invoke;
  std::string name, payload;
  Keys keys;
  bool public_key = false;
  NewInvite invite;
  State state;
  Logs logs;
  Dev dev;
  int64_t days = 7;
  int64_t version = 0;
  int64_t every_s = 1;
  bool once = false;
  std::function<Outcome()> action;
};

/// Adds every command; the one that is given sets `words.action`.
void add_commands(CLI::App& app, Words& words);

}  // namespace themis::cli
