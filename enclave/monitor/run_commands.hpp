#pragma once
// The commands that run the application's functions. Included by monitor.hpp.

#include "enclave/monitor/monitor.hpp"

namespace themis::monitor {

template <Application App, class Checks>
bool Monitor<App, Checks>::run(Reader& reader, Output& output) {
  const auto function = reader.integer<uint8_t>();
  if (!reader.ok()) return refuse(Reason::malformed);
  const size_t count = App::arity(function);
  if (count == 0 || count > kRecordsPerCallMax) return refuse(Reason::unknown_function);
  std::array<uint16_t, kRecordsPerCallMax> slots;
  std::array<typename App::Key, kRecordsPerCallMax> keys;
  for (size_t i = 0; i < count; ++i) {
    slots[i] = reader.integer<uint16_t>();
    keys[i] = App::Key::decode(reader);
  }
  const typename App::Arguments arguments = App::decode(function, reader);
  if (!reader.ok()) return refuse(Reason::malformed);
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
  typename App::Result result{};
  if (!check(Reason::refused,
             App::run(function, arguments, std::span(records).first(count), result)))
    return false;
  for (size_t i = 0; i < count; ++i) record_slot(slots[i]).record.value = records[i].value;
  remember(function, std::span(keys).first(count), arguments);
  return emit(result, output);
}

template <Application App, class Checks>
bool Monitor<App, Checks>::run_once(Reader& reader, Output& output) {
  const auto function = reader.integer<uint8_t>();
  const Timestamp time{reader.integer<uint64_t>()};
  const auto thread = reader.integer<uint16_t>();
  const Timestamp new_time{reader.integer<uint64_t>()};
  Record<App> record;
  record.key = App::Key::decode(reader);
  record.value = read_optional<typename App::Value>(reader);
  if (!reader.ok()) return refuse(Reason::malformed);
  if (App::arity(function) != 1) return refuse(Reason::unknown_function);
  const typename App::Arguments arguments = App::decode(function, reader);
  if (!reader.ok()) return refuse(Reason::malformed);
  if (!enter(RecordElement<App>{record, time, thread})) return false;
  typename App::Result result{};
  if (!check(Reason::refused, App::run(function, arguments, std::span(&record, 1), result)))
    return false;
  remember(function, std::span(&record.key, 1), arguments);
  if (!emit(result, output) || !may_evict_at(new_time, nullptr, &record.key)) return false;
  epochs_.evict(new_time.epoch(), RecordElement<App>{record, new_time, options_.thread});
  return true;
}

template <Application App, class Checks>
void Monitor<App, Checks>::remember(uint8_t function, std::span<const typename App::Key> keys,
                                    const typename App::Arguments& arguments) {
  std::byte* to = put(history_.get() + history_bytes_, function);
  for (const typename App::Key& key : keys) to = key.encode(to);
  history_bytes_ = static_cast<size_t>(App::encode(function, arguments, to) - history_.get());
}

template <Application App, class Checks>
bool Monitor<App, Checks>::emit(const typename App::Result& result, Output& output) {
  // Not droppable: the result would be written beyond the room.
  if (output.room.size() - output.used < App::Result::kBytesMax) return refuse(Reason::output_room);
  std::byte* to = output.room.data() + output.used;
  output.used += static_cast<size_t>(result.encode(to) - to);
  return true;
}

}  // namespace themis::monitor
