#include "actors/monitor/state_clients.hpp"

#include <algorithm>

#include "actors/monitor/monitor_codec.hpp"

namespace themis {
namespace {

using monitor::StateStore;

static_assert(host::CommandLog<StateStore>::kCommandBytesMax <= kCallBodyBytesMax);

/// The store's codes would say that the store is wrong, or the gateway's token.
Error of_caller(Error error) {
  if (error.code == Code::unauthenticated) error.code = Code::not_found;
  if (error.code == Code::forged) error.code = Code::invalid;
  if (error.code == Code::replayed) error.code = Code::exists;
  return error;
}

}  // namespace

Result<StateAnswer> StateClients::describe() const {
  if (trusted_.clients() == nullptr)
    return fail(Code::unavailable, "these monitors take no clients");
  StateAnswer answer;
  answer.done = true;
  answer.instance = std::make_shared<const receipts::Instance>(store_.describe());
  return answer;
}

Result<StateAnswer> StateClients::join(const StateCall& call) {
  THEMIS_TRY(StateAnswer answer, describe());
  THEMIS_TRY(const auto share, crypto::DhShare::from_bytes(call.value));
  if (!own_ && joined_ + 1 >= kStateClientsMax)
    return fail(Code::overloaded, "no room for another client until the monitors' next start");
  THEMIS_TRY(answer.client, store_.register_client(share));
  ++joined_;
  return answer;
}

Result<StateClients::Store::Called> StateClients::call(const StateCall& call,
                                                       const StateOperation& operation) {
  if (call.transferable && waiting_ >= kReceiptsWaitingMax)
    return fail(Code::overloaded, "too many receipts wait for their epoch's end");
  Asked asked;
  asked.thread = store_.thread_of(operation.keys[0]);
  asked.transferable = call.transferable;
  Store::Called called;
  if (call.caller) {
    if (trusted_.clients() == nullptr || call.caller->instance != trusted_.instance() ||
        call.caller->client == receipts::kNoClient)
      return fail(Code::not_found,
                  "no such client since the monitors' last start: register it again");
    auto run =
        store_.call(operation.function, operation.keys, operation.arguments, caller_of(call));
    if (!run) return fail(of_caller(run.error()));
    called = std::move(*run);
  } else {
    if (!own_) {
      const crypto::DhKey key{crypto::SecretBytes<crypto::DhKey::kSeedBytes>(rng_)};
      THEMIS_TRY(own_, Client::join(store_, key));
    }
    THEMIS_TRY(asked.own,
               own_->call(operation.function, operation.keys, operation.arguments, use_of(call)));
    called = asked.own->called;
  }
  asked.number = called.number;
  waiting_ += asked.transferable;
  asked_.push_back(std::move(asked));
  return called;
}

bool StateClients::agree(const host::Released& released, std::span<const ByteView> expected) const {
  const auto same = [&](const std::vector<Bytes>& results) {
    return std::ranges::equal(results, expected, [](const Bytes& told, ByteView mine) {
      return equal_bytes(ByteView(told), mine);
    });
  };
  if (asked_.empty()) return same(released.results);
  std::vector<Bytes> plain(expected.size());
  std::vector<size_t> from(expected.size());
  for (const Asked& each : asked_) {
    const ByteView results(released.results[each.thread]);
    const Result<ByteView> answer = released.answer(each.thread, each.number);
    if (!answer) return false;
    const auto receipt = receipts::OperationReceipt::parse(*answer);
    if (!receipt) return false;
    size_t& next = from[each.thread];
    const auto at = static_cast<size_t>(answer->data() - results.data());
    append(plain[each.thread], results.subspan(next, at - next));
    append(plain[each.thread], receipt->result);
    next = at + answer->size() + (each.transferable ? sizeof(receipts::Digest) : 0);
  }
  for (size_t thread = 0; thread < plain.size(); ++thread)
    append(plain[thread], ByteView(released.results[thread]).subspan(from[thread]));
  return same(plain);
}

Status StateClients::accept(const host::Released& released) {
  told_.clear();
  for (const Asked& each : asked_) {
    if (each.own) THEMIS_CHECK(own_->check(*each.own, released));
    THEMIS_TRY(const ByteView bytes, released.answer(each.thread, each.number));
    THEMIS_TRY(const auto receipt, receipts::OperationReceipt::parse(bytes));
    told_.push_back(std::make_shared<const StateReceipt>(StateReceipt{
        each.thread, receipt.position, Bytes(bytes.begin(), bytes.end()), std::string()}));
  }
  asked_.clear();
  waiting_ -= std::min(waiting_, released.receipts.size());
  for (const receipts::Receipt& each : released.receipts)
    final_.try_emplace({each.thread, each.position}, each.text());
  return {};
}

void StateClients::complete(std::span<Result<StateAnswer>> answers) {
  auto next = told_.begin();
  for (Result<StateAnswer>& answer : answers) {
    if (next == told_.end()) break;
    if (answer && answer->receipt) answer->receipt = std::move(*next++);
  }
  told_.clear();
}

}  // namespace themis
