#include "actors/flows/flow_hub.hpp"

#include <caf/all.hpp>

#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"

namespace themis {

caf::behavior FlowHub::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](const caf::down_msg& down) {
    sources_.erase(down.source);
    std::erase_if(flows_,
                  [&](const auto& entry) { return entry.second.source.address() == down.source; });
  });
  return {[this](const UseNode& use) {
            node_ = use.node;
            self_ = use.self;
          },
          [this](const OfferFlow& given) { offer(given); },
          [this](const EndFlow& over) { end(over); },
          [this](const ReadFlow& ask) { return read(ask); },
          [this](const LeaveFlow& given_up) { leave(given_up); },
          [this](const CountFlows&) {
            FlowCounts counts = counts_;
            counts.open = flows_.size();
            return counts;
          },
          [this](const PullMsg& message) { return pull(message); },
          [this](const DropFlowMsg& message) { drop(message); }};
}

void FlowHub::on_exit() {
  flows_.clear();
  node_ = nullptr;
}

void FlowHub::offer(const OfferFlow& offer) {
  if (flows_.size() >= kFlowsMax) ++counts_.refused;
  if (flows_.size() >= kFlowsMax || !offer.source) return;
  ++counts_.offered;
  if (!flows_.emplace(offer.flow, Flow{offer.source, offer.reader}).second) return;
  if (++sources_[offer.source.address()] == 1) monitor(offer.source);
}

void FlowHub::end(const EndFlow& end) {
  const auto over = flows_.extract(end.flow);
  if (over.empty()) return;
  (end.of_request ? counts_.request_bytes : counts_.answer_bytes) += end.bytes;
  const caf::actor& source = over.mapped().source;
  const auto count = sources_.find(source.address());
  if (count == sources_.end() || --count->second > 0) return;
  sources_.erase(count);
  demonitor(source);
}

const FlowHub::Flow* FlowHub::find(FlowId flow, const NodeId* reader) const {
  const auto found = flows_.find(flow);
  if (found == flows_.end()) return nullptr;
  const std::optional<NodeId>& only = found->second.reader;
  if (reader != nullptr && only && *only != *reader) return nullptr;
  return &found->second;
}

caf::result<caf::message> FlowHub::take(FlowId id, const NodeId* reader) {
  const Flow* flow = find(id, reader);
  ++counts_.parts;
  counts_.unknown += flow == nullptr ? 1 : 0;
  if (flow == nullptr) return to_caf({Code::not_found, "this body is over, or there is none"});
  return delegate(flow->source, TakePart{id});
}

caf::result<caf::message> FlowHub::read(const ReadFlow& ask) {
  if (!is_elsewhere(ask.node)) return take(ask.flow, nullptr);
  auto promise = make_response_promise<BodyPartMsg>();
  const auto failed = [promise](const caf::error& error) mutable { promise.deliver(error); };
  reach(
      *ask.node,
      [this, promise, failed, flow = ask.flow](const caf::actor& hub) {
        request(hub, caf::infinite, encode_pull(flow, reactor_.loop().now() + kPullMax))
            .then([promise](const BodyPartMsg& part) mutable { promise.deliver(part); }, failed);
      },
      failed);
  return caf::delegated<caf::message>{};
}

void FlowHub::leave(const LeaveFlow& given_up) {
  if (is_elsewhere(given_up.node)) {
    return reach(
        *given_up.node,
        [this, flow = given_up.flow](const caf::actor& hub) { send(hub, encode_drop_flow(flow)); },
        [](const caf::error&) {});
  }
  if (const Flow* flow = find(given_up.flow, nullptr)) send(flow->source, DropPart{given_up.flow});
}

caf::result<caf::message> FlowHub::pull(const PullMsg& message) {
  const Result<FlowId> flow = decode_pull(message);
  if (!flow) return to_caf(flow.error());
  return take(*flow, message.frame()->peer());
}

void FlowHub::drop(const DropFlowMsg& message) {
  const Result<FlowId> id = decode_drop_flow(message);
  if (!id) return;
  if (const Flow* flow = find(*id, message.frame()->peer())) send(flow->source, DropPart{*id});
}

/// The hub of another node, by the session that is open: a body does not outlive it.
template <class Then, class Failed>
void FlowHub::reach(const NodeId& node, Then then, Failed failed) {
  if (!node_) return failed(to_caf({Code::unavailable, "this node has not started yet"}));
  request(node_, caf::infinite, ReachActor{{node, {}}, Exports::target_of(kFlowsActorName)})
      .then([then](const caf::actor& hub) mutable { then(hub); }, failed);
}

}  // namespace themis
