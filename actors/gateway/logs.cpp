// The gateway's route to what functions log, wherever they run: one page of all their instances.

#include <algorithm>
#include <caf/all.hpp>

#include "actors/gateway/gateway_actor.hpp"
#include "actors/peer/exports.hpp"
#include "actors/services/log_codec.hpp"
#include "actors/services/log_readers.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/http/json.hpp"

namespace themis {
namespace {

using http::Json;

/// For the way there and back, beyond what a reader waits.
constexpr Duration kMargin = 3s;

Json ids_of(const std::vector<NodeId>& nodes) {
  Json all = Json::array();
  for (const NodeId& node : nodes) all.push_back(to_hex(node.view()));
  return all;
}

/// In the order of time.
std::string text_of(LogPoll poll) {
  std::ranges::stable_sort(poll.lines, {},
                           [](const LogPoll::Line& one) { return one.line.time_ms; });
  Json all = Json::array();
  for (const LogPoll::Line& one : poll.lines) {
    Json line = {{"time_ms", one.line.time_ms},
                 {"node", to_hex(one.node.view())},
                 {"level", log_level_name(one.line.level)},
                 {"text", one.line.text}};
    if (one.line.lost > 0) line["lost"] = one.line.lost;
    all.push_back(std::move(line));
  }
  return http::to_text({{"name", poll.name},
                        {"lines", std::move(all)},
                        {"cursor", cursor_text(poll.query.after)},
                        {"restarted", ids_of(poll.restarted)},
                        {"silent", ids_of(poll.silent)}});
}

}  // namespace

void GatewayActor::read_logs(uint64_t id, const std::string& name, std::string_view query) {
  Result<LogQuery> asked = parse_log_query(query);
  if (!asked) return refuse(id, asked.error());
  const auto described = [this, id, name, query = *asked](const FunctionReport& report) {
    if (report.wanted == 0)
      return refuse(id, {Code::not_found, "\"" + name +
                                              "\" was deployed through another node; its gateway "
                                              "has the log"});
    LogPoll& poll = polls_[id];
    poll.name = name;
    poll.query = query;
    poll.open = report.instances.size();
    if (poll.open == 0) return answer_log(id);
    for (const ring::Contact& instance : report.instances) read_log(id, instance);
  };
  request(options_.functions, caf::infinite, DescribeFunction{name}).then(described, refusing(id));
}

void GatewayActor::read_log(uint64_t id, const ring::Contact& instance) {
  const NodeId node = instance.id;
  const auto failed = [this, id, node](const caf::error&) {
    if (const auto poll = polls_.find(id); poll != polls_.end())
      poll->second.silent.push_back(node);
    add_log(id);
  };
  const auto answered = [this, id, node, failed](const LogPageMsg& message) {
    Result<LogBook::Page> page = decode_log_page(message);
    if (!page) return failed(to_caf(page.error()));
    const auto poll = polls_.find(id);
    if (poll == polls_.end()) return;
    poll->second.query.after[node] = page->next;
    if (page->restarted) poll->second.restarted.push_back(node);
    for (LogBook::Line& line : page->lines) poll->second.lines.push_back({node, std::move(line)});
    add_log(id);
  };
  const auto reached = [this, id, node, answered, failed](const caf::actor& functions) {
    const auto poll = polls_.find(id);
    if (poll == polls_.end()) return;
    const LogQuery& query = poll->second.query;
    ReadLog order{poll->second.name, {0, query.level, query.since_ms}, query.reader};
    if (const auto known = query.after.find(node); known != query.after.end())
      order.query.after = known->second;
    const auto deadline = reactor_.loop().now() + LogReaders::kWaitMax + kMargin;
    request(functions, caf::infinite, encode_read_log(order, deadline)).then(answered, failed);
  };
  static const wire::Target kFunctions = Exports::target_of(kFunctionsActorName);
  request(options_.node, caf::infinite, ReachActor{instance, kFunctions}).then(reached, failed);
}

/// Who waits is answered with the first lines that come: what the other instances say later goes
/// with the next question, since their numbers stay as they were.
void GatewayActor::add_log(uint64_t id) {
  const auto poll = polls_.find(id);
  if (poll == polls_.end()) return;
  --poll->second.open;
  const bool has_some = !poll->second.lines.empty() && poll->second.query.reader != 0;
  if (poll->second.open == 0 || has_some) answer_log(id);
}

void GatewayActor::answer_log(uint64_t id) {
  auto poll = polls_.extract(id);
  respond(id, http::Response::json(200, text_of(std::move(poll.mapped()))));
}

}  // namespace themis
