// Bodies of calls, answers and requests to others that travel bit by bit, between a function host
// and the node's hub.

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/worker/function_codec.hpp"
#include "actors/worker/worker_process.hpp"

namespace themis {
namespace {

Result<FlowId> flow_of(const wire::Msg<schema::Invoke>& message) {
  return wire::decode(message, [](const schema::Invoke::Reader& invoke) -> Result<FlowId> {
    return invoke.getFlow();
  });
}

bool is_last(const BodyPartMsg& message) {
  const auto last = wire::decode(message, [](const schema::BodyPart::Reader& part) -> Result<bool> {
    return js::Part{static_cast<js::Part::Kind>(part.getKind()), {}, 0}.is_last();
  });
  return !last || *last;
}

size_t bytes_in(const BodyPartMsg& message) {
  return wire::decode(message,
                      [](const schema::BodyPart::Reader& part) -> Result<size_t> {
                        return part.getData().size();
                      })
      .value_or(0);
}

}  // namespace

Status WorkerProcess::note_flow(const wire::Msg<schema::Invoke>& invoke) {
  const Result<FlowId> flow = flow_of(invoke);
  if (!flow || *flow == 0) return {};
  if (!flows_) return fail(Code::unavailable, "bodies travel whole here");
  if (in_flows_.size() >= kFlowsPerProcessMax)
    return fail(Code::overloaded, "a worker process reads as many bodies as it may");
  const NodeId* peer = invoke.frame()->peer();
  in_flows_.insert_or_assign(*flow, peer ? std::optional<NodeId>(*peer) : std::nullopt);
  return {};
}

void WorkerProcess::note_flow(const wire::Msg<schema::Outcome>& outcome) {
  const Result<FlowId> flow = flow_of(outcome);
  if (!flow || *flow == 0 || !flows_) return;
  const NodeId* peer = outcome.frame()->peer();
  const std::optional<NodeId> node = peer ? std::optional<NodeId>(*peer) : std::nullopt;
  if (in_flows_.size() >= kFlowsPerProcessMax) return send(flows_, LeaveFlow{node, *flow});
  in_flows_.emplace(*flow, node);
}

caf::result<BodyPartMsg> WorkerProcess::pull(const PullMsg& message) {
  const Result<FlowId> flow = decode_pull(message);
  if (!flow) return to_caf(flow.error());
  const auto found = in_flows_.find(*flow);
  if (found == in_flows_.end()) return to_caf({Code::not_found, "no such body, or it is over"});
  if (asks_ >= kAsksPerProcessMax)
    return to_caf({Code::overloaded, "too many questions of this process wait"});
  ++asks_;
  auto promise = make_response_promise<BodyPartMsg>();
  request(flows_, caf::infinite, ReadFlow{found->second, *flow})
      .then(
          [this, promise, flow = *flow](const BodyPartMsg& part) mutable {
            --asks_;
            if (is_last(part)) in_flows_.erase(flow);
            promise.deliver(part);
          },
          [this, promise, flow = *flow](const caf::error& error) mutable {
            --asks_;
            in_flows_.erase(flow);
            promise.deliver(error);
          });
  return caf::delegated<BodyPartMsg>{};
}

void WorkerProcess::drop(const DropFlowMsg& message) {
  if (const Result<FlowId> flow = decode_drop_flow(message)) forget_flow(*flow);
}

void WorkerProcess::forget_flow(FlowId flow) {
  const auto found = in_flows_.extract(flow);
  if (!found.empty()) send(flows_, LeaveFlow{found.mapped(), flow});
}

void WorkerProcess::leave_body(const wire::Msg<schema::Invoke>& invoke) {
  if (const Result<FlowId> flow = flow_of(invoke)) forget_flow(*flow);
}

Result<wire::Msg<schema::Outcome>> WorkerProcess::offer(const Call& call,
                                                        const wire::Msg<schema::Outcome>& outcome) {
  const Result<FlowId> at_function = flow_of(outcome);
  if (!at_function) return fail(at_function.error());
  if (*at_function == 0) return outcome;
  const NodeId* peer = call.invoke.frame()->peer();
  THEMIS_TRY(const FlowId flow, offer({call.at, *at_function, {}},
                                      peer ? std::optional<NodeId>(*peer) : std::nullopt));
  return themis::pass_on(outcome, {.flow = flow});
}

Result<FlowId> WorkerProcess::offer(const wire::Msg<schema::Invoke>& invoke) {
  THEMIS_TRY(const FlowId at_function, flow_of(invoke));
  if (at_function == 0) return FlowId{0};
  THEMIS_TRY(const wire::Target source,
             wire::decode(invoke, [](const schema::Invoke::Reader& from) -> Result<wire::Target> {
               return from.getSource();
             }));
  // Who is to read it is not known yet: it is the one that is told the number.
  return offer({process_->proxy(source), at_function, {}, true}, std::nullopt);
}

Result<FlowId> WorkerProcess::offer(OutFlow out, std::optional<NodeId> reader) {
  if (!flows_ || out_flows_.size() >= kFlowsPerProcessMax) {
    send(out.function, encode_drop_flow(out.at_function));
    return fail(Code::overloaded, "a worker process gives as many bodies bit by bit as it may");
  }
  const FlowId flow = new_flow_id(*options_.home.rng);
  out.asked = reactor_.loop().now();
  out_flows_.emplace(flow, std::move(out));
  if (out_flows_.size() == 1) tell_streams(true);
  sweep_later();
  send(flows_, OfferFlow{flow, caf::actor(this), std::move(reader)});
  return flow;
}

caf::result<BodyPartMsg> WorkerProcess::take(FlowId flow) {
  const auto found = out_flows_.find(flow);
  if (found == out_flows_.end()) return to_caf({Code::not_found, "this body is over"});
  auto promise = make_response_promise<BodyPartMsg>();
  found->second.asked = reactor_.loop().now();
  const TimePoint deadline = found->second.asked + kPullMax;
  const uint64_t id = ++last_take_;
  takes_.emplace(id, deadline - kPullMax + js::kPollMax + kOverdue);
  watch();
  request(found->second.function, caf::infinite, encode_pull(found->second.at_function, deadline))
      .then(
          [this, promise, flow, id](const BodyPartMsg& part) mutable {
            takes_.erase(id);
            if (const auto out = out_flows_.find(flow); out != out_flows_.end())
              out->second.bytes += bytes_in(part);
            if (is_last(part)) end_flow(flow, false);
            promise.deliver(part);
          },
          [this, promise, flow, id](const caf::error& error) mutable {
            takes_.erase(id);
            end_flow(flow, true);
            promise.deliver(
                process_ && process_->alive()
                    ? to_caf(function_error(from_caf(error)))
                    : to_caf({Code::unavailable, "the worker process ended within this body"}));
          });
  return caf::delegated<BodyPartMsg>{};
}

void WorkerProcess::end_flow(FlowId flow, bool tell_host) {
  const auto found = out_flows_.extract(flow);
  if (found.empty()) return;
  if (tell_host) send(found.mapped().function, encode_drop_flow(found.mapped().at_function));
  send(flows_, EndFlow{flow, found.mapped().of_request, found.mapped().bytes});
  if (out_flows_.empty()) tell_streams(false);
  const auto its = proxies_.find(found.mapped().function.address());
  if (its != proxies_.end()) replace(CodeId(its->second));
}

void WorkerProcess::end_unread(TimePoint now) {
  std::vector<FlowId> unread;
  for (const auto& [flow, out] : out_flows_)
    if (now - out.asked > options_.unread_max) unread.push_back(flow);
  for (const FlowId flow : unread) end_flow(flow, true);
}

void WorkerProcess::tell_streams(bool open) {
  if (const auto pool = caf::actor_cast<caf::actor>(pool_)) send(pool, WorkerStreams{slot_, open});
}

}  // namespace themis
