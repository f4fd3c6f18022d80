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
  const auto run = [&](std::byte*& end) {
    const bool can = App::run(call.function, arguments, std::span(records).first(count), result);
    end = result.encode(end);
    return can;
  };
  if (!execute(call, output, run)) return false;
  for (size_t i = 0; i < count; ++i) record_slot(slots[i]).record.value = records[i].value;
  return true;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::run_once(Reader& reader, Output& output) {
  using Element = RecordElement<App, EncodedRecord>;
  Call call;
  EncodedRecord record;
  if (!read_caller(reader, call)) return false;
  if (App::arity(call.function) != 1) return refuse(Reason::unknown_function);
  record.key = pass<typename App::Key>(reader);
  call.arguments = reader.position();
  App::template pass<App>(call.function, reader);
  call.end = reader.position();
  const Timestamp time{reader.integer<uint64_t>()};
  const auto thread = reader.integer<uint16_t>();
  const Timestamp new_time{reader.integer<uint64_t>()};
  if (reader.boolean()) record.value = pass<typename App::Value>(reader);
  if (!reader.ok()) return refuse(Reason::malformed);
  if (!authorize(call) || !enter(Element{record, time, thread})) return false;
  std::array<std::byte, App::Value::kBytesMax> spare;
  const auto run = [&](std::byte*& end) {
    return App::template run_encoded<App>(call.function, {call.arguments, call.end}, record,
                                          spare.data(), end);
  };
  if (!execute(call, output, run)) return false;
  Reader reader_of_key(record.key);
  const auto key = App::Key::decode(reader_of_key);
  if (!may_evict_at(new_time, nullptr, &key)) return false;
  epochs_.evict(new_time.epoch(), Element{record, new_time, options_.thread});
  return true;
}

/// `run` puts the result where it is told. What may write is remembered as the batch has it, which
/// is the one encoding of it.
template <Application App, class Checks>
template <class Run>
bool Monitor<App, Checks>::execute(const Call& call, Output& output, Run run) {
  // Not droppable: the result would be written beyond the room.
  if (output.room.size() - output.used < kCallOutputBytesMax<App> ||
      kOutputBytesMax - results_bytes_ < App::Result::kBytesMax)
    return refuse(Reason::output_room);
  std::byte* const result = output.room.data() + output.used +
                            (call.client == nullptr ? 0 : receipts::OperationReceipt::kHeadBytes);
  std::byte* end = result;
  if (!check(Reason::refused, run(end))) return false;
  if (!App::only_reads(call.function)) {
    std::byte *const calls = history_.get(), *const kept = results_.get();
    const ByteView from_function(call.keys - 1, call.end), encoded(result, end);
    history_bytes_ = static_cast<size_t>(put(calls + history_bytes_, from_function) - calls);
    results_bytes_ = static_cast<size_t>(put(kept + results_bytes_, encoded) - kept);
  }
  if (call.client != nullptr) end = issue(call, {result, end});
  output.used = static_cast<size_t>(end - output.room.data());
  return true;
}

/// Writes the receipt around the result, and the leaf where one is wanted; returns the end.
template <Application App, class Checks>
std::byte* Monitor<App, Checks>::issue(const Call& call, std::span<std::byte> result) {
  constexpr size_t kResultBytes = std::max(receipts::kTaggedResultMin, App::Result::kBytesMax);
  const uint32_t epoch = clock_.epoch();
  const ByteView encoded(result);
  const receipts::OperationReceipt receipt{epoch, calls_++, encoded, {}};
  std::byte* const tag = receipt.put_head(result.data() + result.size());
  tags_.template add_written<receipts::kTaggedBytes + kResultBytes>(
      call.client->key, tag,
      [&](std::byte* text) { return receipts::put_tagged(text, call.caller.tag, receipt); });
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
