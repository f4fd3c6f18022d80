#pragma once
// One question of the logs' route, to all instances of a function.

#include "actors/gateway/log_query.hpp"
#include "actors/worker/log_book.hpp"

namespace themis {

struct LogPoll {
  struct Line {
    NodeId node;
    LogBook::Line line;
  };
  std::string name;
  LogQuery query;  ///< What was answered moves its `after` on.
  size_t open = 0;
  std::vector<Line> lines;
  std::vector<NodeId> restarted;
  std::vector<NodeId> silent;  ///< Instances that did not answer.
};

}  // namespace themis
