#include "actors/monitor/state_client.hpp"

#include "enclave/host/call_bytes.hpp"

namespace themis {
namespace {

using CallBytes = host::CallBytes<monitor::StateStore>;

bool same(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

tl::unexpected<Error> of_another_call() {
  return fail(Code::forged, "the receipt to show is of another call");
}

}  // namespace

Status check_is_of(const receipts::Receipt& shown, const StateCall& call) {
  const StateOperation operation = operation_of(call);
  const CallBytes bytes(operation.function, operation.keys, operation.arguments);
  if (shown.function != operation.function || !same(shown.keys, bytes.keys()) ||
      !same(shown.arguments, bytes.arguments()))
    return of_another_call();
  return {};
}

Result<receipts::ClientSession*> StateClient::session(uint16_t thread) {
  auto found = sessions_.find(thread);
  if (found == sessions_.end()) {
    THEMIS_TRY(auto opened,
               receipts::ClientSession::open(own_, seat_.instance, thread, seat_.client));
    found = sessions_.try_emplace(thread, std::move(opened)).first;
  }
  return &found->second;
}

Status StateClient::sign(StateCall& call) {
  const StateOperation operation = operation_of(call);
  THEMIS_TRY(receipts::ClientSession* const at, session(operation.thread(seat_.instance.threads)));
  const CallBytes bytes(operation.function, operation.keys, operation.arguments);
  at->resume(seat_.nonce);
  const receipts::Caller caller =
      at->sign(use_of(call), operation.function, bytes.keys(), bytes.arguments());
  seat_.nonce = caller.nonce;
  StateCaller signed_by{seat_.instance.id, seat_.client, caller.nonce, {}};
  std::memcpy(signed_by.tag.data(), caller.tag.data(), sizeof caller.tag);
  call.caller = std::make_shared<const StateCaller>(signed_by);
  return {};
}

Status StateClient::check(const StateCall& call, StateAnswer& answer) {
  if (!answer.receipt) return fail(Code::forged, "the answer has no receipt of a monitor");
  const StateOperation operation = operation_of(call);
  THEMIS_TRY(receipts::ClientSession* const at, session(operation.thread(seat_.instance.threads)));
  THEMIS_TRY(const auto said, receipts::OperationReceipt::parse(answer.receipt->operation));
  THEMIS_CHECK(at->check(caller_of(call), said));
  THEMIS_CHECK(read_result(said.result, answer));
  answer.epoch = said.epoch;
  answer.certified = !answer.receipt->transferable.empty();
  return answer.certified ? check_shown(call, answer, said) : Status();
}

/// The receipt for others is of this call, too.
Status StateClient::check_shown(const StateCall& call, const StateAnswer& answer,
                                const receipts::OperationReceipt& said) const {
  THEMIS_TRY(const auto shown, receipts::Receipt::parse(answer.receipt->transferable));
  THEMIS_CHECK(shown.verify(seat_.instance.signing));
  THEMIS_CHECK(check_is_of(shown, call));
  const receipts::Certificate& epoch = shown.certificates.front();
  if (epoch.instance != seat_.instance.id || epoch.epoch != said.epoch ||
      shown.position != said.position || shown.client != own_.share() ||
      shown.nonce != call.caller->nonce || !same(shown.result, said.result))
    return of_another_call();
  return {};
}

}  // namespace themis
