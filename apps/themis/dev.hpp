#pragma once
// dev: a function that runs while it is written.

#include "apps/themis/dev_node.hpp"

namespace themis::cli {

struct Dev {
  Deploy deploy;  ///< One file.
  DevNodeOptions node;
};

/// Deploys the function whenever one of its files is saved, and prints what it logs, until Ctrl-C,
/// which is exit code 0. Without a gateway it starts a node of its own.
Outcome dev(const Connection& to, const Dev& what);

}  // namespace themis::cli
