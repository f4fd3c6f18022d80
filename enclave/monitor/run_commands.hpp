#pragma once
// The commands that run the application's functions, and who may. Included by monitor.hpp.

#include "enclave/monitor/monitor.hpp"

namespace themis::monitor {

template <Application App, class Checks>
bool Monitor<App, Checks>::register_client(Reader& reader) {
  const auto number = reader.integer<uint16_t>();
  const auto share = reader.integer<crypto::DhShare>();
  const auto grant = reader.integer<crypto::Signature>();
  if (!reader.ok()) return refuse(Reason::malformed);
  const Reason why = register_client(number, share, grant);
  return why == Reason::none || refuse(why);
}

template <Application App, class Checks>
Reason Monitor<App, Checks>::register_client(uint16_t number, const crypto::DhShare& share,
                                             const crypto::Signature& grant) {
  if (number >= options_.clients) return Reason::client_range;
  if (!Checks::holds(Reason::client_exists, clients_.find(number) == nullptr))
    return Reason::client_exists;
  if (!Checks::holds(Reason::not_granted, clients_.granted(share, grant)))
    return Reason::not_granted;
  return clients_.add(number, share) ? Reason::none : Reason::not_granted;
}

/// What run and run_once start with; the keys follow.
template <Application App, class Checks>
bool Monitor<App, Checks>::read_caller(Reader& reader, Call& call) {
  call.caller.client = reader.integer<uint16_t>();
  const bool named = call.caller.client != receipts::kNoClient;
  if (named) call.caller.tag = reader.integer<receipts::Tag>();
  call.body = reader.position();
  if (named) {
    call.caller.use = reader.integer<receipts::Use>();
    call.caller.nonce = reader.integer<uint64_t>();
    if (call.caller.use != receipts::Use::call &&
        call.caller.use != receipts::Use::transferable_call)
      reader.refuse();
  }
  call.function = reader.integer<uint8_t>();
  call.keys = reader.position();
  return reader.ok() || refuse(Reason::malformed);
}

/// Whether a client made this call, and made it for this once.
template <Application App, class Checks>
bool Monitor<App, Checks>::authorize(Call& call) {
  if (call.caller.client == receipts::kNoClient)
    return check(Reason::client_needed, options_.calls_without_client);
  call.client = clients_.find(call.caller.client);
  // Not droppable: there would be no key.
  if (call.client == nullptr) return refuse(Reason::unknown_client);
  if (!check(Reason::forged_call,
             crypto::equal(call.client->key.evaluate({call.body, call.end}), call.caller.tag)) ||
      !check(Reason::stale_nonce, call.caller.nonce > call.client->nonce))
    return false;
  call.client->nonce = call.caller.nonce;
  return true;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::run(Reader& reader, Output& output) {
  Call call;
  std::array<typename App::Key, kRecordsPerCallMax> keys;
  if (!read_caller(reader, call)) return false;
  const size_t count = App::arity(call.function);
  if (count == 0 || count > kRecordsPerCallMax) return refuse(Reason::unknown_function);
  for (size_t i = 0; i < count; ++i) keys[i] = App::Key::decode(reader);
  call.arguments = reader.position();
  const typename App::Arguments arguments = App::decode(call.function, reader);
  call.end = reader.position();
  std::array<uint16_t, kRecordsPerCallMax> slots;
  for (size_t i = 0; i < count; ++i) slots[i] = reader.integer<uint16_t>();
  if (!reader.ok()) return refuse(Reason::malformed);
  if (!authorize(call)) return false;
  std::array<Record<App>, kRecordsPerCallMax> records;
  for (size_t i = 0; i < count; ++i) {
    if (!record_slot_exists(slots[i])) return false;
    const RecordSlot<App>& at = record_slot(slots[i]);
    if (!check(Reason::slot_empty, at.link.used)) return false;
    if (!check(Reason::wrong_key, at.record.key == keys[i])) return false;
    for (size_t j = 0; j < i; ++j)
      if (!check(Reason::duplicate_record, slots[j] != slots[i] && !(keys[j] == keys[i])))
        return false;
    records[i] = at.record;
  }
  typename App::Result result;
  if (!check(Reason::refused,
             App::run(call.function, arguments, std::span(records).first(count), result)))
    return false;
  for (size_t i = 0; i < count; ++i) record_slot(slots[i]).record.value = records[i].value;
  remember(call);
  return emit(call, result, output);
}

template <Application App, class Checks>
bool Monitor<App, Checks>::run_once(Reader& reader, Output& output) {
  Call call;
  Record<App> record;
  if (!read_caller(reader, call)) return false;
  if (App::arity(call.function) != 1) return refuse(Reason::unknown_function);
  record.key = App::Key::decode(reader);
  call.arguments = reader.position();
  const typename App::Arguments arguments = App::decode(call.function, reader);
  call.end = reader.position();
  const Timestamp time{reader.integer<uint64_t>()};
  const auto thread = reader.integer<uint16_t>();
  const Timestamp new_time{reader.integer<uint64_t>()};
  // As read_optional(), which would move what it wrote in two parts as one: that waits.
  if (reader.boolean()) record.value = App::Value::decode(reader);
  if (!reader.ok()) return refuse(Reason::malformed);
  if (!authorize(call) || !enter(RecordElement<App>{record, time, thread})) return false;
  typename App::Result result;
  const typename App::Key key = record.key;
  if (!check(Reason::refused, App::run(call.function, arguments, std::span(&record, 1), result)))
    return false;
  record.key = key;  // the function changes values only
  remember(call);
  if (!emit(call, result, output) || !may_evict_at(new_time, nullptr, &key)) return false;
  epochs_.evict(new_time.epoch(), RecordElement<App>{record, new_time, options_.thread});
  return true;
}

/// As the batch has it, which is the one encoding of it.
template <Application App, class Checks>
void Monitor<App, Checks>::remember(const Call& call) {
  if (App::only_reads(call.function)) return;
  const ByteView from_function(call.keys - 1, call.end);
  put(history_.get() + history_bytes_, from_function);
  history_bytes_ += from_function.size();
}

template <Application App, class Checks>
bool Monitor<App, Checks>::emit(const Call& call, const typename App::Result& result,
                                Output& output) {
  // Not droppable: the result would be written beyond the room.
  if (output.room.size() - output.used < kCallOutputBytesMax<App> ||
      kOutputBytesMax - results_bytes_ < App::Result::kBytesMax)
    return refuse(Reason::output_room);
  std::byte* const start = output.room.data() + output.used;
  std::byte* const kept = results_.get() + results_bytes_;
  if (!App::only_reads(call.function))
    results_bytes_ += static_cast<size_t>(result.encode(kept) - kept);
  std::byte* end = call.client == nullptr ? result.encode(start) : issue(call, result, start);
  output.used += static_cast<size_t>(end - start);
  return true;
}

/// Writes the operation receipt at `to`, and the leaf where one is wanted; returns the end.
template <Application App, class Checks>
std::byte* Monitor<App, Checks>::issue(const Call& call, const typename App::Result& result,
                                       std::byte* to) {
  constexpr size_t kResultBytes = std::max(receipts::kTaggedResultMin, App::Result::kBytesMax);
  const uint32_t epoch = clock_.epoch();
  to += receipts::OperationReceipt::kHeadBytes;
  const ByteView encoded(to, result.encode(to));
  const receipts::OperationReceipt receipt{epoch, calls_++, encoded, {}};
  std::byte* const tag = receipt.put_head(to + encoded.size());
  // The result is encoded once more: copying what was just written in parts would wait for it.
  tags_.template add_written<receipts::kTaggedBytes + kResultBytes>(
      call.client->key, tag, [&](std::byte* text) {
        return receipts::put_tagged(text, call.caller.tag, receipt,
                                    [&](std::byte* place) { return result.encode(place); });
      });
  std::byte* const end = tag + sizeof(receipts::Tag);
  if (call.caller.use == receipts::Use::call) return end;
  const auto leaf = receipts::leaf_hash(
      options_.instance, options_.thread, epoch, epochs_.secret(epoch),
      {receipt.position, call.client->share, call.caller.nonce, call.function,
       ByteView(call.keys, call.arguments), ByteView(call.arguments, call.end), encoded});
  epochs_.log(epoch).add(leaf);
  return put(end, ByteView(leaf));
}

}  // namespace themis::monitor
