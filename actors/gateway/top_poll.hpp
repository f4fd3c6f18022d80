#pragma once
// One look of the route "top": the functions that were called through a gateway, the instances that
// each has, and what these take of their nodes' memory.

#include <deque>
#include <map>
#include <optional>

#include "actors/gateway/function_figures.hpp"
#include "actors/mesh/route_table.hpp"
#include "actors/services/use_codec.hpp"

namespace themis {

/// Pure: who asks is the gateway.
class TopPoll {
 public:
  struct Use {
    uint32_t isolates = 0;
    uint64_t memory_kb = 0;
  };
  struct Instance {
    ring::Contact contact;
    std::string version = {};  ///< Empty: not known.
    uint64_t requests = 0;
    uint64_t failures = 0;
    int64_t mean_us = 0;
    std::optional<Use> use = {};  ///< Nothing: its node did not say.
  };
  struct Function {
    FunctionFigures::Report figures;
    std::vector<Instance> instances;
  };

  /// `routes`: the gateway's; what they say of an instance is kept when it is still one.
  TopPoll(const std::vector<FunctionFigures::Report>& figures,
          const std::vector<mesh::RouteReport>& routes);

  /// Functions of which the gateway knows no instance: just deployed, or not called for long.
  std::vector<std::string> without_instances() const;
  /// The ring knows these.
  void found(const std::string& name, const ring::Contacts& nodes);
  /// What each node is to be asked for: at most kMeasuredNamesMax names.
  struct Question {
    ring::Contact node;
    std::vector<std::string> names;
  };
  std::vector<Question> questions() const;
  /// The node's answer: what of the question it does not name it does not run.
  void measured(const Question& question, const std::vector<RunningFunction>& running);
  void silent(const NodeId& node) { silent_.push_back(node); }

  const std::map<std::string, Function>& functions() const { return functions_; }
  const std::vector<NodeId>& silent() const { return silent_; }

  size_t open = 0;  ///< Answers that are waited for.
  std::deque<std::string> to_find;

 private:
  std::map<std::string, Function> functions_;
  std::vector<NodeId> silent_;
};

}  // namespace themis
