#include "actors/gateway/top_poll.hpp"

#include <algorithm>

#include "actors/services/function_types.hpp"

namespace themis {

TopPoll::TopPoll(const std::vector<FunctionFigures::Report>& figures,
                 const std::vector<mesh::RouteReport>& routes) {
  for (const FunctionFigures::Report& one : figures) functions_[one.name].figures = one;
  for (const mesh::RouteReport& route : routes) {
    const auto name = function_of_ring_name(route.name);
    const auto found = name ? functions_.find(*name) : functions_.end();
    if (found == functions_.end()) continue;
    for (const mesh::InstanceReport& one : route.instances)
      found->second.instances.push_back({one.instance.contact, one.instance.version, one.calls,
                                         one.failures, static_cast<int64_t>(one.ewma_ms * 1000)});
  }
}

std::vector<std::string> TopPoll::without_instances() const {
  std::vector<std::string> names;
  for (const auto& [name, function] : functions_)
    if (function.instances.empty()) names.push_back(name);
  return names;
}

void TopPoll::found(const std::string& name, const ring::Contacts& nodes) {
  for (const ring::Contact& node : nodes) functions_.at(name).instances.push_back({node});
}

std::vector<TopPoll::Question> TopPoll::questions() const {
  std::map<NodeId, Question> all;
  for (const auto& [name, function] : functions_) {
    for (const Instance& one : function.instances) {
      Question& question = all[one.contact.id];
      question.node = one.contact;
      // Both versions of one node.
      if (question.names.empty() || question.names.back() != name) question.names.push_back(name);
    }
  }
  std::vector<Question> questions;
  for (auto& [id, question] : all) {
    if (question.names.size() > kMeasuredNamesMax) question.names.resize(kMeasuredNamesMax);
    questions.push_back(std::move(question));
  }
  return questions;
}

void TopPoll::measured(const Question& question, const std::vector<RunningFunction>& running) {
  for (const std::string& name : question.names) {
    std::vector<Instance>& instances = functions_.at(name).instances;
    std::vector<Instance> there;
    for (const RunningFunction& one : running) {
      if (one.name != name || there.size() == kVersionsRunningMax) continue;
      const std::string version = std::to_string(one.version);
      const auto known = std::ranges::find_if(instances, [&](const Instance& each) {
        return each.contact.id == question.node.id && each.version == version;
      });
      Instance instance = known == instances.end() ? Instance{question.node, version} : *known;
      instance.use = Use{one.isolates, one.memory_kb};
      there.push_back(std::move(instance));
    }
    std::erase_if(instances,
                  [&](const Instance& each) { return each.contact.id == question.node.id; });
    instances.insert(instances.end(), there.begin(), there.end());
  }
}

}  // namespace themis
