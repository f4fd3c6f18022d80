#include "actors/worker/function_worker.hpp"

#include <caf/all.hpp>

#include "actors/flows/flow_api.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/message_types.hpp"
#include "actors/worker/worker_host.hpp"

namespace themis {

void FunctionHost::log(js::LogLevel level, std::string_view text) {
  wire::Builder<schema::LogLine> line(16 + (function_.size() + text.size()) / 8);
  line->setFunction(wire::to_text(function_));
  line->setLevel(static_cast<uint8_t>(level));
  line->setText(wire::to_text(std::string(text)));
  caf::anon_send(enclave_.parent("log"), line.finish());
}

void FunctionHost::keep_code_cache(ByteView cache) {
  caf::anon_send(enclave_.parent(kCachesActorName), encode_code_cache(self_.code, cache));
}

void FunctionHost::ask_state(const std::string& name_space, const std::string& question,
                             TimePoint deadline, Answered answered) {
  wire::Builder<schema::AskState> message(16 + (name_space.size() + question.size()) / 8);
  message->setNameSpace(wire::to_text(name_space));
  message->setCall(wire::to_data(as_bytes(question)));
  caf::anon_send(asker_, AskParent{message.finish(deadline), std::move(answered)});
}

js::Host::GiveUp FunctionHost::call_service(const std::string& service, js::Request request,
                                            TimePoint deadline, ServiceAnswered answered) {
  return call_parent(encode_invoke(self_, service, request, deadline), std::move(answered));
}

js::Host::GiveUp FunctionHost::fetch_outward(js::Request request, TimePoint deadline,
                                             ServiceAnswered answered) {
  return call_parent(encode_fetch(self_, request, deadline), std::move(answered));
}

js::Host::GiveUp FunctionHost::call_parent(Result<wire::Msg<schema::Invoke>> invoke,
                                           ServiceAnswered answered) {
  if (!invoke) {
    post(
        [answered = std::move(answered), why = std::move(invoke.error())] { answered(fail(why)); });
    return {};
  }
  caf::anon_send(asker_, CallParent{*invoke, std::move(answered)});
  // After the call, whichever way that takes: the asker has passed it on by then.
  return [asker = asker_, frame = invoke->frame()] { caf::anon_send(asker, CancelRequest{frame}); };
}

void FunctionHost::read_flow(uint64_t flow, PartAnswered answered) {
  caf::anon_send(asker_, PullParent{flow, std::move(answered)});
}

void FunctionHost::leave_flow(uint64_t flow) {
  caf::anon_send(enclave_.parent(kFlowsActorName), encode_drop_flow(flow));
}

caf::behavior ParentAsker::make_behavior() {
  set_default_handlers(*this);
  const auto ask_state = [this](const AskParent& ask) {
    request(enclave_.parent(kStateActorName), caf::infinite, ask.question)
        .then(
            [answered = ask.answered](const wire::Msg<schema::StateAnswered>& message) {
              answered(wire::decode(
                  message, [](const schema::StateAnswered::Reader& told) -> Result<std::string> {
                    return std::string(as_text(wire::bytes_of(told.getAnswer())));
                  }));
            },
            [answered = ask.answered](const caf::error& error) {
              answered(fail(from_caf(error)));
            });
  };
  const auto call_service = [this](const CallParent& call) {
    request(enclave_.parent(kServicesActorName), caf::infinite, call.invoke)
        .then([answered = call.answered](
                  const wire::Msg<schema::Outcome>& outcome) { answered(decode_answer(outcome)); },
              [answered = call.answered](const caf::error& error) {
                answered(fail(from_caf(error)));
              });
  };
  const auto pull = [this](const PullParent& part) {
    const PullMsg ask = encode_pull(part.flow, reactor_.loop().now() + kPullMax);
    request(enclave_.parent(kFlowsActorName), caf::infinite, ask)
        .then([answered = part.answered](const BodyPartMsg& bits) { answered(decode_part(bits)); },
              [answered = part.answered](const caf::error& error) {
                answered(fail(from_caf(error)));
              });
  };
  return {ask_state, call_service, pull, [this](const CancelRequest& given_up) {
            send(enclave_.parent(kServicesActorName), given_up);
          }};
}

void FunctionWorker::on_message(caf::mailbox_element& element) {
  const auto& content = element.content();
  if (content.match_elements<CancelRequest>()) return cancel(content.get_as<CancelRequest>(0));
  if (content.match_elements<DropFlowMsg>()) return leave(content.get_as<DropFlowMsg>(0));
  // The frame and the actor are kept until the call has its turn.
  if (content.match_elements<PullMsg>())
    return budget_.run([this, keep_alive = caf::strong_actor_ptr{ctrl()}, from = element.sender,
                        id = element.mid,
                        pull = content.get_as<PullMsg>(0)] { read(pull, from, id); });
  if (!content.match_elements<wire::Msg<schema::Invoke>>())
    return reply(element,
                 caf::make_message(to_caf({Code::invalid, "a function takes Invoke only"})));
  budget_.run([this, keep_alive = caf::strong_actor_ptr{ctrl()}, from = element.sender,
               id = element.mid,
               invoke = content.get_as<wire::Msg<schema::Invoke>>(0)] { run(invoke, from, id); });
}

/// One that waits for its turn finds its deadline passed.
void FunctionWorker::cancel(const CancelRequest& given_up) {
  const caf::strong_actor_ptr self{ctrl()};
  const auto call = calls_.find(given_up.frame.writable());
  if (call != calls_.end()) worker_->cancel(call->second);
}

void FunctionWorker::run(const wire::Msg<schema::Invoke>& invoke, caf::strong_actor_ptr from,
                         caf::message_id id) {
  end_if_retired();  // what an actor does between its calls may have ended it
  if (ending_)
    return answer(from, id, fail(Code::not_found, "the function is not loaded any more"));
  if (invoke.frame()->deadline() < reactor_.loop().now())
    return answer(from, id, fail(Code::timeout, "the deadline passed before its turn came"));
  Result<js::Request> request = decode_invoke(invoke, host_->deployer());
  if (!request) return answer(from, id, fail(std::move(request.error())));
  if (request->name_space.empty()) request->name_space = host_->function();
  const caf::strong_actor_ptr self{ctrl()};
  const wire::Frame* frame = invoke.frame().writable();
  calls_.emplace(frame, 0);
  const auto done = [this, self, from, id, frame](Result<js::Response> result) {
    calls_.erase(frame);
    answer(from, id, std::move(result));
    if (answered_++ == 0) make_cache_later();
    rest_later();
    const bool is_idle = host_->is_actor() ? worker_->in_flight() == 0 : calls_.empty();
    if (answered_ % kLookEvery == 0 && !ending_ && is_idle && worker_->is_worn())
      ending_ = to_caf({Code::cancelled, "its heap is nearly full: it is loaded anew"});
    end_if_retired();
  };
  const uint32_t call = worker_->call(std::move(*request), done);
  if (const auto open = calls_.find(frame); open != calls_.end()) open->second = call;
}

void FunctionWorker::answer(const caf::strong_actor_ptr& to, caf::message_id id,
                            Result<js::Response> result) {
  const Result<wire::Msg<schema::Outcome>> outcome =
      result ? encode_outcome(*result, load()) : fail(std::move(result.error()));
  respond(to, id,
          outcome ? caf::make_message(*outcome) : caf::make_message(to_caf(outcome.error())));
}

/// Its memory is looked at now and then.
FunctionLoad FunctionWorker::load() {
  if (answered_ % kLookEvery == 0) memory_percent_ = worker_->memory_percent();
  return {static_cast<uint16_t>(std::min<size_t>(calls_.size(), UINT16_MAX)), memory_percent_};
}

uint32_t FunctionWorker::memory_kb() const {
  const js::HeapFigures figures = worker_->heap();
  const size_t bytes = figures.committed_bytes + figures.buffer_bytes + figures.malloced_bytes;
  return static_cast<uint32_t>(std::min<size_t>(bytes / 1024, UINT32_MAX));
}

void FunctionWorker::respond(const caf::strong_actor_ptr& to, caf::message_id id,
                             caf::message message) {
  if (to != nullptr && id.is_request())
    to->enqueue(ctrl(), id.response_id(), std::move(message), &reactor_);
}

/// The next part of an outcome's body, or of a request's.
void FunctionWorker::read(const PullMsg& pull, caf::strong_actor_ptr from, caf::message_id id) {
  const Result<FlowId> flow = decode_pull(pull);
  if (!flow) return respond(from, id, caf::make_message(to_caf(flow.error())));
  worker_->read(*flow, [this, self = caf::strong_actor_ptr{ctrl()}, from,
                        id](const Result<js::Part>& part) {
    respond(from, id,
            part ? caf::make_message(encode_part(*part)) : caf::make_message(to_caf(part.error())));
    end_if_retired();
  });
}

void FunctionWorker::leave(const DropFlowMsg& drop) {
  const caf::strong_actor_ptr self{ctrl()};
  if (const Result<FlowId> flow = decode_drop_flow(drop)) worker_->leave(*flow);
  end_if_retired();
}

void FunctionWorker::end_if_retired() {
  if (worker_->retired() && !ending_)
    ending_ = to_caf({Code::memory_exceeded, "the function is to be loaded anew"});
  end_if_done();
}

void FunctionWorker::make_cache_later() {
  if (worker_->code_cached()) return;
  host_->after(kCacheAfter, [this, weak = caf::weak_actor_ptr{ctrl()}] {
    const caf::strong_actor_ptr self = weak.lock();
    if (!self || ending_) return;
    const Bytes cache = worker_->make_code_cache();
    if (!cache.empty()) host_->keep_code_cache(cache);
  });
}

/// One function a turn: each takes some milliseconds, and many may fall idle together.
void FunctionWorker::rest_later() {
  if (std::exchange(rests_later_, true)) return;
  host_->after(kRestAfter, [this, seen = answered_, weak = caf::weak_actor_ptr{ctrl()}] {
    const caf::strong_actor_ptr self = weak.lock();
    if (!self || ending_) return;
    rests_later_ = false;
    if (answered_ != seen || worker_->in_flight() > 0) return rest_later();
    budget_.run([this, self] {
      if (!ending_ && worker_->in_flight() == 0) worker_->rest();
    });
  });
}

void FunctionWorker::on_exit(const caf::error& reason) {
  if (!ending_) ending_ = reason;
  end_if_done();
}

void FunctionWorker::end_if_done() {
  if (ending_ && worker_->in_flight() == 0) quit(*ending_);
}

}  // namespace themis
